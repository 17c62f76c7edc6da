"""`gas queues` and `gas redrive`: for operators, on the queues themselves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from entrypoints.commands.asking import as_json, print_json, print_table, read_settings

if TYPE_CHECKING:
    from domain.ports import WorkQueue

COLUMNS = ("visible", "in_flight", "delayed", "dead")


@click.command()
@as_json
def queues(as_json: bool) -> None:
    """Show how many messages wait, are worked on, are delayed, or lie in the dead-letter queue."""
    depths = {name: asdict(queue.depth()) for name, queue in _queues().items()}
    if as_json:
        print_json([{"queue": name, **depth} for name, depth in depths.items()])
    else:
        rows = [[name, *(str(depth[c]) for c in COLUMNS)] for name, depth in depths.items()]
        print_table(["QUEUE", "WAITING", "IN WORK", "DELAYED", "DEAD"], rows)


@click.command()
@click.argument("queue")
def redrive(queue: str) -> None:
    """Move what lies in the dead-letter queue of QUEUE back to work."""
    known = _queues()
    if queue not in known:
        raise click.ClickException(f"There is no queue {queue!r}. There are: {', '.join(known)}.")
    click.echo(f"{known[queue].redrive()} moved")


def _queues() -> Mapping[str, WorkQueue]:
    """The queues of the service that runs in the data folder, or of AWS."""
    from entrypoints.local.reach import reach_running

    return reach_running(read_settings()).queues
