"""`gas settings`."""

from __future__ import annotations

import os
from collections.abc import Collection
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import click
from pydantic import SecretStr

from entrypoints.commands.asking import as_json, print_json, print_table, read_settings

if TYPE_CHECKING:
    from entrypoints.settings import Settings

HIDDEN_PATHS = frozenset({"mailbox_url"})  # whoever knows the path may read what is there
LOOK_SECONDS = 2.0  # for the running service to answer


@dataclass(frozen=True, slots=True)
class Row:
    """One setting; ``here`` is what this shell sets instead of the running service's value."""

    name: str
    value: str
    source: str
    description: str
    here: str | None = None


@click.command()
@as_json
def settings(as_json: bool) -> None:
    """Print every setting and where it comes from.

    They are those of the service that runs in the data folder, and this shell's where none runs.
    """
    here = read_settings()
    running = _running(here)
    rows = _of_service(here, *running) if running else _of_shell(here)
    click.echo(_whose(here, rows, running is not None), err=True)
    if as_json:
        print_json([asdict(row) for row in rows])
    else:
        _print(rows)


def _print(rows: list[Row]) -> None:
    heads = ["NAME", "VALUE", "SOURCE", "WHAT IT IS"]
    marked = [f"(this shell: {row.here}) " if row.here is not None else "" for row in rows]
    table = [
        [row.name, row.value, row.source, mark + row.description]
        for row, mark in zip(rows, marked, strict=True)
    ]
    print_table(heads, table)


def _whose(here: Settings, rows: list[Row], running: bool) -> str:
    folder = here.data_dir.resolve()
    if not running:
        return f"No service runs in {folder}: one that is started from this shell has these."
    said = f"The service that runs in {folder} has these."
    if differing := [row.name for row in rows if row.here is not None]:
        said += f" This shell sets {', '.join(differing)} otherwise: start it again to apply that."
    return said


def _running(here: Settings) -> tuple[Settings, Collection[str]] | None:
    """What the service of the data folder runs with, and what of it was set; None without one."""
    from entrypoints.client import running_service

    found = running_service(here)
    if found is None or not _answers(found["url"]):
        return None
    given = {k: v for k, v in found["environment"].items() if k.startswith("GAS_")}
    return _settings_of(given), given.keys()


def _settings_of(given: dict[str, str]) -> Settings:
    """Settings from these variables alone, whatever this shell has."""
    from entrypoints.settings import Settings

    class Announced(Settings):
        @classmethod
        def settings_customise_sources(cls, *_: Any, **sources: Any) -> tuple[Any, ...]:
            return (sources["init_settings"],)

    return Announced(**{k.removeprefix("GAS_").lower(): v for k, v in given.items()})  # type: ignore[arg-type]


def _answers(url: str) -> bool:
    """Whether it lives: what was announced outlasts a `kill -9`."""
    import urllib3

    try:
        answer = urllib3.request("GET", f"{url}/healthz", timeout=LOOK_SECONDS, retries=False)
    except urllib3.exceptions.HTTPError:
        return False
    return answer.status == 200


def _of_shell(here: Settings) -> list[Row]:
    return [_row(here, field, _names_here(), "environment") for field in type(here).model_fields]


def _of_service(here: Settings, service: Settings, given: Collection[str]) -> list[Row]:
    return [
        _row(service, field, given, "service", here if _differs(here, service, field) else None)
        for field in type(here).model_fields
    ]


def _differs(here: Settings, service: Settings, field: str) -> bool:
    """Whether this shell says something else of it; the folder is the same, however written."""
    said = f"GAS_{field.upper()}" in _names_here() and field != "data_dir"
    return said and getattr(here, field) != getattr(service, field)


def _row(
    shown: Settings, field: str, given: Collection[str], source: str, here: Settings | None = None
) -> Row:
    name = f"GAS_{field.upper()}"
    about = type(shown).model_fields[field].description or ""
    value, other = _text(shown, field), _text(here, field) if here else None
    return Row(name, value, source if name in given else "default", about, other)


def _names_here() -> set[str]:
    return {name.upper() for name in os.environ}


def _text(settings: Settings, field: str) -> str:
    """Secrets are only said to be there."""
    value = getattr(settings, field)
    if field in HIDDEN_PATHS and value:
        return "/".join(value.split("/")[:3]) + "/…"
    if isinstance(value, SecretStr):
        return "(set)" if value.get_secret_value() else ""
    return "" if value is None else str(value)
