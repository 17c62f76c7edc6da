"""The ``Records`` port in one SQLite file."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from adapters.sqlite_file import SqliteFile
from domain.ports import Conflict, Record, RecordCopy

SCHEMA = """
CREATE TABLE IF NOT EXISTS records (
    kind TEXT NOT NULL, pk TEXT NOT NULL, sk TEXT NOT NULL,
    value TEXT NOT NULL, revision INTEGER NOT NULL, expires REAL,
    PRIMARY KEY (kind, pk, sk)
) WITHOUT ROWID;
"""
ALIVE = "(expires IS NULL OR expires > :now)"


class SqliteRecords:
    """``now`` gives seconds since the epoch, for rows that expire."""

    def __init__(self, path: Path, *, now: Callable[[], float]) -> None:
        self._file = SqliteFile(path, SCHEMA)
        self._now = now

    def get(self, kind: str, pk: str, sk: str = "") -> Record | None:
        row = self._file.connection.execute(
            f"SELECT * FROM records WHERE kind=:kind AND pk=:pk AND sk=:sk AND {ALIVE}",  # noqa: S608
            {"kind": kind, "pk": pk, "sk": sk, "now": self._now()},
        ).fetchone()
        return _record(row) if row else None

    def put(
        self,
        kind: str,
        pk: str,
        sk: str = "",
        *,
        value: Mapping[str, Any],
        expected: int | None = None,
        expires: float | None = None,
    ) -> int:
        with self._file.transaction() as connection:
            revision = self._check(connection, kind, pk, sk, expected) + 1
            connection.execute(
                "INSERT OR REPLACE INTO records VALUES (?,?,?,?,?,?)",
                (kind, pk, sk, json.dumps(value), revision, expires),
            )
        return revision

    def delete(self, kind: str, pk: str, sk: str = "", *, expected: int | None = None) -> None:
        with self._file.transaction() as connection:
            self._check(connection, kind, pk, sk, expected)
            connection.execute("DELETE FROM records WHERE kind=? AND pk=? AND sk=?", (kind, pk, sk))

    def query(
        self,
        kind: str,
        pk: str,
        *,
        after: str = "",
        limit: int | None = None,
        descending: bool = False,
    ) -> list[Record]:
        beyond, order = ("<", "DESC") if descending else (">", "ASC")
        bound = f"AND sk {beyond} :after" if after else ""
        rows = self._file.connection.execute(
            f"SELECT * FROM records WHERE kind=:kind AND pk=:pk {bound} AND {ALIVE}"  # noqa: S608
            f" ORDER BY sk {order} LIMIT :limit",
            {
                "kind": kind,
                "pk": pk,
                "after": after,
                "now": self._now(),
                "limit": -1 if limit is None else limit,
            },
        )
        return [_record(row) for row in rows]

    def scan(self, kind: str) -> Iterator[Record]:
        rows = self._file.connection.execute(
            f"SELECT * FROM records WHERE kind=:kind AND {ALIVE}",  # noqa: S608
            {"kind": kind, "now": self._now()},
        ).fetchall()
        return map(_record, rows)

    def copies(self) -> Iterator[RecordCopy]:
        rows = self._file.connection.execute(
            f"SELECT * FROM records WHERE {ALIVE}",  # noqa: S608
            {"now": self._now()},
        ).fetchall()
        return (RecordCopy(row["kind"], _record(row), row["expires"]) for row in rows)

    def load(self, copies: Iterable[RecordCopy]) -> None:
        with self._file.transaction() as connection:
            connection.executemany(
                "INSERT OR REPLACE INTO records VALUES (?,?,?,?,?,?)", map(_row, copies)
            )

    def remove_expired(self) -> int:
        with self._file.transaction() as connection:
            removed = connection.execute(
                "DELETE FROM records WHERE expires <= ?", (self._now(),)
            ).rowcount
        # what was deleted still stands in the write-ahead log until it is emptied
        self._file.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return removed

    def _check(
        self, connection: sqlite3.Connection, kind: str, pk: str, sk: str, expected: int | None
    ) -> int:
        """The revision a living row has now, 0 without one; ``Conflict`` unless as expected."""
        row = connection.execute(
            f"SELECT revision FROM records WHERE kind=:kind AND pk=:pk AND sk=:sk AND {ALIVE}",  # noqa: S608
            {"kind": kind, "pk": pk, "sk": sk, "now": self._now()},
        ).fetchone()
        revision: int = row["revision"] if row else 0
        if expected is not None and revision != expected:
            raise Conflict(f"{kind} {pk} {sk}: at revision {revision}, expected {expected}")
        return revision


def _record(row: sqlite3.Row) -> Record:
    return Record(
        pk=row["pk"], sk=row["sk"], value=json.loads(row["value"]), revision=row["revision"]
    )


def _row(copy: RecordCopy) -> tuple[Any, ...]:
    r = copy.record
    return (copy.kind, r.pk, r.sk, json.dumps(r.value), r.revision, copy.expires)
