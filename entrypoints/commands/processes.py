"""`gas up` and the single processes it starts, or that run apart on AWS."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from entrypoints.commands.asking import read_settings
from entrypoints.startup import loading

if TYPE_CHECKING:
    from entrypoints.settings import Settings
    from entrypoints.supervised import Part
    from entrypoints.work import Process

FORGETS = (
    "GAS_STORE=dynamodb on one machine is for trying it: the embedded cloud keeps tables in memory,"
    " and what is in them is gone when this stops. Until then `gas backup` carries it elsewhere."
)
NEVER_PUSHED = (
    "GAS_CONSUMERS=push does not work on one machine: the embedded cloud does not sign what it"
    " pushes, so every push would be refused. Leave GAS_CONSUMERS out, or set it to poll."
)
PROGRAM = (sys.executable, "-P", "-m", "entrypoints")


@click.command()
@click.option(
    "--restore",
    "backup",
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Begin with what a backup holds; there must be nothing yet.",
)
def up(backup: Path | None) -> None:
    """Start the whole service on this machine, and stop it with Ctrl-C."""
    with loading():
        from entrypoints.local import supervisor as local
        from entrypoints.local.data_folder import DataFolder

        settings = read_settings()
    if settings.consumers == "push":
        raise click.ClickException(NEVER_PUSHED)
    if settings.store == "dynamodb":
        click.echo(FORGETS, err=True)
    threading.Thread(target=_tell_lacking, daemon=True).start()
    cookies = DataFolder(settings.data_dir).secret("cookies")
    local.up(
        local.LocalService(
            data_dir=settings.data_dir,
            port=settings.port,
            stack=settings.stack,
            store=settings.store,
            early=frozenset({"web"} if settings.store == "sqlite" else ()),
            commands={"web": [*PROGRAM, "web"], "work": [*PROGRAM, "work"]},
            environment={"GAS_SECRET": settings.secret.get_secret_value() or cookies},
            prepare=partial(_restore, backup, settings) if backup else None,
        )
    )


def _restore(backup: Path, settings: Settings, environment: Mapping[str, str]) -> None:
    from entrypoints.commands.backup import store_of, told
    from entrypoints.local.reach import parts_of

    manifest = store_of(parts_of(settings, environment)).restore(backup)
    click.echo(f"restored and checked: {told(manifest)}", err=True)


def _tell_lacking() -> None:
    """Beside the start, which does not wait for it."""
    from adapters.annotator_bcftools.sandbox import lacking, protections

    if line := lacking(protections()):
        click.echo(line, err=True)


@click.command()
def web() -> None:
    """Serve pages and API on 127.0.0.1."""
    with loading():
        from entrypoints.serve import serve

        settings = read_settings()
    serve(settings)


@click.command()
def work() -> None:
    """Do all that is not web: relay, views, every queue, sweeper, housekeeping."""
    from entrypoints.work import begin_anew

    process = _process("work")
    if process.gas.settings.local:
        begin_anew(process.gas)
    process.run(process.all_parts())


@click.command()
@click.argument("queue")
def worker(queue: str) -> None:
    """Serve the work queue QUEUE."""
    from projections.listeners import LISTENERS

    if queue not in LISTENERS:
        raise click.UsageError(f"There is no queue {queue!r}. There are: {', '.join(LISTENERS)}.")
    _run(f"worker-{queue}", lambda process: list(process.queue(queue)))


@click.command()
def relay() -> None:
    """Publish every event to the work queues."""
    _run("relay", lambda process: list(process.publishers()))


@click.command()
def views() -> None:
    """Keep the views up to the log."""
    _run("views", lambda process: [process.views()])


@click.command()
def sweeper() -> None:
    """Find due work whose message was lost, and tidy up."""
    _run("sweeper", lambda p: [p.sweeper(), p.unsent_mails(), p.housekeeping()])


def _run(name: str, parts: Callable[[Process], list[Part]]) -> None:
    process = _process(name)
    process.run(parts(process))


def _process(name: str) -> Process:
    """A process whose shared parts are built before it has threads."""
    with loading():
        from entrypoints.bootstrap import Gas
        from entrypoints.logs import configure
        from entrypoints.work import Process

        configure(name)
        gas = Gas(read_settings())
        gas.build()
    return Process(gas)
