"""What the API's tests do again and again."""

from __future__ import annotations

import io
from typing import Any
from uuid import UUID

from entrypoints.bootstrap import Gas
from entrypoints.views import await_position
from entrypoints.worker import Hint
from tests.world import GOOD


def a_form(data: bytes = GOOD, filename: str = "f.vcf", **fields: str) -> dict[str, Any]:
    """A multipart request with a file."""
    form = {"reference": "toy", **fields, "file": (io.BytesIO(data), filename)}
    return {"data": form, "content_type": "multipart/form-data"}


def submitted(api: Any, **how: Any) -> dict[str, Any]:
    """A job that was just accepted."""
    answer = api.post("/jobs", **a_form(**how))
    assert answer.status_code == 201, answer.text
    document: dict[str, Any] = answer.json
    return document


def annotate(gas: Gas, job: dict[str, Any]) -> None:
    """Do the work that is due for a job, and let the views see it."""
    gas.settings.scratch.mkdir(exist_ok=True)
    hint = Hint(UUID(job["id"]), 1)
    gas.work("annotation").attend(hint.job_id, at_least=1, stopping=lambda: False)
    views_caught_up(gas)


def views_caught_up(gas: Gas) -> int:
    """The end of the log, once every view has seen it."""
    end = gas.service.recorder.max_notification_id() or 0
    for view in gas.kept_views:
        assert await_position(gas.views, view.name, end, seconds=10)
    return end


def put_upload(gas: Gas, key: str, data: bytes = GOOD) -> None:
    """What a browser or client does with the presigned form."""
    gas.uploads.put(key, data)
