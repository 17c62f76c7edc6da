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

FILE = click.Path(dir_okay=False, path_type=Path)


@click.command()
@click.argument("file", type=FILE)
def backup(file: Path) -> None:
    """Write log, records and files to FILE, a tar; the service may run meanwhile."""
    if file.exists():
        raise click.ClickException(f"{file} is there already. Choose another name.")
    with _store(alone=False) as store:
        _tell(f"{file}: ", store.write(file))


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def restore(file: Path) -> None:
    """Read FILE back into an empty store, position for position, and check all of it.

    The service must not run meanwhile; its views are rebuilt when it starts.
    """
    with _store(alone=True) as store:
        _tell("restored and checked: ", store.restore(file))


@contextmanager
def _store(*, alone: bool) -> Iterator[Backup]:
    """The store of the settings, whether the service runs or not."""
    from domain.errors import DomainError
    from entrypoints.backup import Backup
    from entrypoints.backup_cold import cold_of
    from entrypoints.local.reach import reach

    try:
        with reach(read_settings(), alone=alone) as gas:
            yield Backup(gas.service, gas.records, gas.files, *cold_of(gas))
    except DomainError as error:
        raise click.ClickException(str(error)) from error


def _tell(before: str, manifest: Manifest) -> None:
    counts = f"{manifest.events} events, {manifest.records} records, {manifest.files} files"
    click.echo(f"{before}{counts}" + (f", {manifest.archives} archives" * bool(manifest.archives)))
    if manifest.stays:
        places = "; ".join(sorted(set(manifest.stays.values())))
        click.echo(
            f"{len(manifest.stays)} archived results stay in cold storage ({places});"
            " the backup refers to them."
        )
