"""The ``Views`` port in one SQLite file: rows and position move in one transaction."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from adapters.sqlite_file import SqliteFile
from domain.ports import Change, Conflict, Put

SCHEMA = """
CREATE TABLE IF NOT EXISTS view_rows (
    view TEXT NOT NULL, pk TEXT NOT NULL, sk TEXT NOT NULL, data TEXT NOT NULL,
    PRIMARY KEY (view, pk, sk)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS view_positions (
    view TEXT PRIMARY KEY, position INTEGER NOT NULL
) WITHOUT ROWID;
"""


class SqliteViews:
    def __init__(self, path: Path) -> None:
        self._file = SqliteFile(path, SCHEMA)

    def position(self, view: str) -> int:
        return _position(self._file.connection, view)

    def commit(self, view: str, changes: Sequence[Change], *, after: int, position: int) -> None:
        with self._file.transaction() as connection:
            at = _position(connection, view)
            if at != after:
                raise Conflict(f"view {view} is at {at}, not {after}")
            for change in changes:
                _apply(connection, view, change)
            connection.execute(
                "INSERT OR REPLACE INTO view_positions VALUES (?,?)", (view, position)
            )

    def get(self, view: str, pk: str, sk: str = "") -> dict[str, Any] | None:
        row = self._file.connection.execute(
            "SELECT data FROM view_rows WHERE view=? AND pk=? AND sk=?", (view, pk, sk)
        ).fetchone()
        return json.loads(row["data"]) if row else None

    def query(
        self,
        view: str,
        pk: str,
        *,
        after: str = "",
        limit: int | None = None,
        descending: bool = False,
    ) -> list[tuple[str, dict[str, Any]]]:
        beyond, order = ("<", "DESC") if descending else (">", "ASC")
        bound = f"AND sk {beyond} :after" if after else ""
        rows = self._file.connection.execute(
            f"SELECT sk, data FROM view_rows WHERE view=:view AND pk=:pk {bound}"  # noqa: S608
            f" ORDER BY sk {order} LIMIT :limit",
            {"view": view, "pk": pk, "after": after, "limit": -1 if limit is None else limit},
        )
        return [(row["sk"], json.loads(row["data"])) for row in rows]

    def scan(self, view: str) -> Iterator[tuple[str, str, dict[str, Any]]]:
        rows = self._file.connection.execute(
            "SELECT pk, sk, data FROM view_rows WHERE view=?", (view,)
        ).fetchall()
        return ((row["pk"], row["sk"], json.loads(row["data"])) for row in rows)

    def reset(self, view: str) -> None:
        with self._file.transaction() as connection:
            connection.execute("DELETE FROM view_rows WHERE view=?", (view,))
            connection.execute("DELETE FROM view_positions WHERE view=?", (view,))


def _position(connection: sqlite3.Connection, view: str) -> int:
    row = connection.execute("SELECT position FROM view_positions WHERE view=?", (view,)).fetchone()
    return row["position"] if row else 0


def _apply(connection: sqlite3.Connection, view: str, change: Change) -> None:
    if isinstance(change, Put):
        connection.execute(
            "INSERT OR REPLACE INTO view_rows VALUES (?,?,?,?)",
            (view, change.pk, change.sk, json.dumps(change.data)),
        )
    else:
        connection.execute(
            "DELETE FROM view_rows WHERE view=? AND pk=? AND sk=?", (view, change.pk, change.sk)
        )
