"""The first start of a local service: its example is annotated, so the first page is not empty.

Done through the public API, like anybody else's job.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import structlog

from entrypoints.client import Client, Refusal, Unreachable

EXAMPLE = "sars-cov-2"
KEY = "first-start"
LOOK_EVERY = 0.2

log = structlog.get_logger()


def annotate_example(
    connect: Callable[[], Client], *, pause: Callable[[float], object], stopping: Callable[[], bool]
) -> None:
    """Submit the bundled example once the service answers, unless its user has had jobs."""
    while not stopping():
        with suppress(Unreachable, Refusal):  # not up yet, or its token not yet written
            client = connect()
            if not client.get("/jobs", limit="1")["jobs"]:
                _submit(client)
            return
        pause(LOOK_EVERY)


def _submit(client: Client) -> None:
    """A user who has removed the example does not get it again: the key leads to the same job."""
    data = client.read(f"/references/{EXAMPLE}/example")
    try:
        job = client.send_file(
            "/jobs",
            {"reference": EXAMPLE, "label": "Example"},
            filename=f"{EXAMPLE}.example.vcf",
            data=data,
            key=KEY,
        )
        log.info("first_start.submitted", job=job["id"])
    except Refusal as refusal:
        log.info("first_start.refused", code=refusal.code)
