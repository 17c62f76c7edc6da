"""`gas queues` and `gas redrive`: for operators, on the queues themselves."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from entrypoints.commands.asking import as_json, print_json, print_table, read_settings

if TYPE_CHECKING:
    from domain.ports import WorkQueue
    from entrypoints.settings import Settings

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
    from entrypoints.bootstrap import Gas
    from entrypoints.client import START_IT, Unreachable, running_service

    settings = read_settings()
    if running := running_service(settings):
        return _queues_of(settings, running["environment"])
    if not {"AWS_DEFAULT_REGION", "AWS_REGION", "AWS_PROFILE"} & set(os.environ):
        raise Unreachable(f"No service runs here, and AWS is not set up. {START_IT}")
    return Gas(settings).queues


def _queues_of(settings: Settings, environment: Mapping[str, str]) -> Mapping[str, WorkQueue]:
    """Those of the embedded cloud that the supervisor announced."""
    from adapters.cloud import Cloud
    from entrypoints.bootstrap import Gas

    cloud = Cloud(
        environment["GAS_AWS_ENDPOINT"],
        region=environment["AWS_DEFAULT_REGION"],
        access_key=environment["AWS_ACCESS_KEY_ID"],
        secret_key=environment["AWS_SECRET_ACCESS_KEY"],
    )
    stack = environment["GAS_STACK"]
    return Gas(settings.model_copy(update={"stack": stack}), cloud=cloud).queues
