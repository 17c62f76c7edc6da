"""`gas events` and `gas history`."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import click

from entrypoints.client import Client
from entrypoints.commands.asking import as_json, client, print_json, print_table
from entrypoints.commands.jobs import job_path

WAIT_SECONDS = 20
Table = tuple[list[str], list[list[str]]]  # headings and rows


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
@click.option("--at", "moment", default="", help="How it stood at this version or time.")
@click.option("--diff", nargs=2, metavar="V1 V2", help="What differs between two of them.")
@as_json
def history(job: str, moment: str, diff: tuple[str, str] | None, as_json: bool) -> None:
    """Print what happened to the job with the id JOB, or how it stood."""
    if moment and diff:
        raise click.UsageError("Give --at or --diff, not both.")
    query = {"at": moment, "diff": "..".join(diff or ())}
    found = client().get(f"/jobs/{job_path(job)}/history", **query)
    shown = "difference" if diff else "state" if moment else "events"
    if as_json:
        print_json(found[shown])
    else:
        print_table(*TABLES[shown](found[shown]))


def _events(events: Any) -> Table:
    rows = [[str(e["aggregateversion"]), e["time"], e["type"], _detail(e["data"])] for e in events]
    return ["VERSION", "TIME", "EVENT", "DETAIL"], rows


def _state(state: Any) -> Table:
    from entrypoints.job_history import flat

    rows = [[field, _plain(value)] for field, value in flat(state["job"]) if value is not None]
    return ["FIELD", f"AT VERSION {state['version']}"], rows


def _difference(found: Any) -> Table:
    rows = [[c["field"], _plain(c["before"]), _plain(c["after"])] for c in found["changes"]]
    heads = [f"VERSION {found[end]['version']}" for end in ("before", "after")]
    return ["FIELD", *heads], rows


TABLES: dict[str, Callable[[Any], Table]] = {
    "events": _events,
    "state": _state,
    "difference": _difference,
}


def _plain(value: object) -> str:
    """A value for one cell; what is not there is a dash."""
    return "-" if value is None else value if isinstance(value, str) else json.dumps(value)


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
