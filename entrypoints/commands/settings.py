"""`gas settings`."""

from __future__ import annotations

import os
from typing import Any

import click
from pydantic import SecretStr

from entrypoints.commands.asking import as_json, print_json, print_table, read_settings


@click.command()
@as_json
def settings(as_json: bool) -> None:
    """Print every setting, its value and whether it comes from the environment."""
    rows = _rows(read_settings())
    if as_json:
        print_json(rows)
    else:
        table = [[r["name"], r["value"], r["source"], r["description"]] for r in rows]
        print_table(["NAME", "VALUE", "SOURCE", "WHAT IT IS"], table)


def _rows(current: Any) -> list[dict[str, str]]:
    given = {name.upper() for name in os.environ}
    rows = []
    for field, about in type(current).model_fields.items():
        name = f"GAS_{field.upper()}"
        source = "environment" if name in given else "default"
        value = _shown(getattr(current, field))
        rows.append(
            {"name": name, "value": value, "source": source, "description": about.description or ""}
        )
    return rows


def _shown(value: object) -> str:
    """Secrets are only said to be there."""
    if isinstance(value, SecretStr):
        return "(set)" if value.get_secret_value() else ""
    return "" if value is None else str(value)
