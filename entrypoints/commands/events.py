"""`gas events` and `gas history`."""

from __future__ import annotations

import json
from typing import Any

import click

from entrypoints.client import Client
from entrypoints.commands.asking import as_json, client, print_json, print_table
from entrypoints.commands.jobs import job_path

WAIT_SECONDS = 20


@click.command()
@click.option("--after", default=0, type=click.IntRange(0), help="Beyond this position of the log.")
@click.option("--type", "types", multiple=True, help="Only this type; may be given again.")
@click.option("--follow", "-f", is_flag=True, help="Go on as it happens, until Ctrl-C.")
def events(after: int, types: tuple[str, ...], follow: bool) -> None:
    """Print your events in the order of the log, one CloudEvent per line."""
    service = client()
    while True:
        page = _read(service, after, types, wait=WAIT_SECONDS if follow else 0)
        for event in page["events"]:
            click.echo(json.dumps(event, ensure_ascii=False))
        if not page["events"] and not follow:
            return
        after = page["next"]


@click.command()
@click.argument("job")
@as_json
def history(job: str, as_json: bool) -> None:
    """Print what happened to the job with the id JOB."""
    found = client().get(f"/jobs/{job_path(job)}/history")["events"]
    if as_json:
        print_json(found)
        return
    rows = [[str(e["aggregateversion"]), e["time"], e["type"], _detail(e["data"])] for e in found]
    print_table(["VERSION", "TIME", "EVENT", "DETAIL"], rows)


def _read(service: Client, after: int, types: tuple[str, ...], *, wait: int) -> Any:
    ask = service.patiently if wait else service.get
    return ask(
        "/events",
        after=str(after),
        types=",".join(types),
        limit="500",
        wait=str(wait) if wait else "",
    )


def _detail(data: dict[str, Any]) -> str:
    """The plain values of an event, for one line."""
    return ", ".join(f"{k}={v}" for k, v in data.items() if isinstance(v, str | int | float))
