"""`gas backup` and `gas restore`: everything, from any store to any other."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from entrypoints.commands.asking import read_settings

if TYPE_CHECKING:
    from entrypoints.backup import Backup
    from entrypoints.backup_format import Manifest
    from entrypoints.bootstrap import Gas

FILE = click.Path(dir_okay=False, path_type=Path)


@click.command()
@click.argument("file", type=FILE)
def backup(file: Path) -> None:
    """Write log, records and files to FILE, a tar; the service may run meanwhile."""
    if file.exists():
        raise click.ClickException(f"{file} is there already. Choose another name.")
    with _store(alone=False) as store:
        click.echo(f"{file}: {told(store.write(file))}")


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def restore(file: Path) -> None:
    """Read FILE back into an empty store, position for position, and check all of it.

    The service must not run meanwhile; its views are rebuilt when it starts.
    """
    with _store(alone=True) as store:
        click.echo(f"restored and checked: {told(store.restore(file))}")


@contextmanager
def _store(*, alone: bool) -> Iterator[Backup]:
    """The store of the settings, whether the service runs or not."""
    from domain.errors import DomainError
    from entrypoints.local.reach import reach

    try:
        with reach(read_settings(), alone=alone) as gas:
            yield store_of(gas)
    except DomainError as error:
        raise click.ClickException(str(error)) from error


def store_of(gas: Gas) -> Backup:
    """All that is kept of a service."""
    from entrypoints.backup import Backup
    from entrypoints.backup_cold import cold_of

    return Backup(gas.service, gas.records, gas.files, *cold_of(gas))


def told(manifest: Manifest) -> str:
    """Counts, and in one sentence what the backup only refers to."""
    counts = f"{manifest.events} events, {manifest.records} records, {manifest.files} files"
    if manifest.archives:
        counts += f", {manifest.archives} archives"
    if not manifest.stays:
        return counts
    places = "; ".join(sorted(set(manifest.stays.values())))
    many = len(manifest.stays) != 1
    what, which = ("results stay", "them") if many else ("result stays", "it")
    return (
        f"{counts}\n{len(manifest.stays)} archived {what} in cold storage ({places});"
        f" the backup refers to {which}."
    )
