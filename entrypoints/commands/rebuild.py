"""`gas rebuild [--check]`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from entrypoints.commands.asking import local_state

if TYPE_CHECKING:
    from entrypoints.bootstrap import Gas


@click.command()
@click.option("--check", is_flag=True, help="Change nothing: replay beside the views and compare.")
def rebuild(check: bool) -> None:
    """Rebuild every view from the log; --check says whether that would change anything."""
    from entrypoints.views import rebuild as rebuild_view

    gas = local_state()
    if check:
        _check(gas)
        return
    for view in gas.kept_views:
        click.echo(f"{view.name}: at position {rebuild_view(gas.service, gas.views, view)}")


def _check(gas: Gas) -> None:
    """Print what differs; exit 1 when anything does."""
    from adapters.views_sqlite import SqliteViews
    from entrypoints.rebuilding import differences

    scratch = SqliteViews(Path(":memory:"))
    found = {view.name: differences(gas, view.name, scratch) for view in gas.kept_views}
    for name, lines in found.items():
        click.echo(f"{name}: {len(lines)} differences")
        for line in lines:
            click.echo(f"  {line}")
    if any(found.values()):
        click.get_current_context().exit(1)
