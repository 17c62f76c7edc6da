"""One DuckDB for the process, which can read the folder of copies and nothing else."""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from adapters.variants_duckdb import queries
from adapters.variants_duckdb.copies import DAMAGED, Copies
from domain.ports import (
    ObjectStore,
    Place,
    TableDamaged,
    VariantCounts,
    VariantFilter,
    VariantPage,
    VariantRow,
)

if TYPE_CHECKING:
    import duckdb

MEMORY = "256MB"
THREADS = 2  # for one query
ROOM = 2 * 2**30  # bytes of local copies
REMEMBERED = 256  # answers to what is counted
FACETS = ("consequence", "impact", "gene")
SETTINGS: dict[str, str | bool | int | float | list[str]] = {
    "threads": THREADS,
    "memory_limit": MEMORY,
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
}


class DuckDbTables:
    """The port ``VariantTables``; ``folder`` is this service's alone, ``room`` in bytes."""

    def __init__(self, store: ObjectStore, folder: Path, *, room: int = ROOM) -> None:
        self._copies = Copies(store, folder, room=room)
        self._database: duckdb.DuckDBPyConnection | None = None
        self._starting = threading.Lock()
        self._counted = _Remembered(REMEMBERED)

    def open(self, key: str, sha256: str) -> DuckDbTable:
        self._copies.get(key, sha256)
        return DuckDbTable(self, key, sha256)

    def forget(self, sha256: str) -> None:
        self._copies.forget(sha256)

    def forget_unused(self) -> int:
        return self._copies.forget_unused()

    def counts(self, key: str, sha256: str, wanted: VariantFilter) -> VariantCounts:
        """Counted once: a table never changes."""
        found = self._counted.get((sha256, wanted))
        return found or self._counted.put((sha256, wanted), self._count(key, sha256, wanted))

    def rows(self, key: str, sha256: str, make: Any, *asked: Any) -> list[tuple[Any, ...]]:
        """The answer to a query of ``queries``; a copy that was lost or altered is fetched anew."""
        import duckdb

        try:
            return self._ask(*make(str(self._copies.get(key, sha256)), *asked))
        except (duckdb.OutOfMemoryException, duckdb.InterruptException):
            raise  # says nothing of the table
        except duckdb.Error as error:
            if self._copies.is_whole(sha256):
                raise TableDamaged(DAMAGED) from error
        return self._ask(*make(str(self._copies.get(key, sha256)), *asked))

    def _count(self, key: str, sha256: str, wanted: VariantFilter) -> VariantCounts:
        ((rows, records),) = self.rows(key, sha256, queries.totals, wanted)
        found: dict[str, list[tuple[str, int]]] = {name: [] for name in FACETS}
        for others, columns in _asked_for(wanted).items():
            for field, value, n in self.rows(key, sha256, queries.facets, others, columns):
                found[field].append((value, n))
        return VariantCounts(rows, records, *(tuple(found[name]) for name in FACETS))

    def _ask(self, sql: str, given: dict[str, Any]) -> list[tuple[Any, ...]]:
        with self._connection().cursor() as cursor:
            return cursor.execute(sql, given).fetchall()

    def _connection(self) -> duckdb.DuckDBPyConnection:
        with self._starting:
            if self._database is None:
                self._database = locked_down(self._copies.folder)
            return self._database


class DuckDbTable:
    """The port ``VariantTable``."""

    def __init__(self, tables: DuckDbTables, key: str, sha256: str) -> None:
        self._tables, self._file = tables, (key, sha256)

    def page(self, wanted: VariantFilter, *, after: Place | None = None, limit: int) -> VariantPage:
        """One row more is asked for than is given, to know whether it goes on."""
        found = self._tables.rows(*self._file, queries.page, wanted, after, limit + 1)
        rows = tuple(VariantRow(*each) for each in found[:limit])
        return VariantPage(rows, rows[-1].place if len(found) > limit else None)

    def counts(self, wanted: VariantFilter) -> VariantCounts:
        return self._tables.counts(*self._file, wanted)


def _asked_for(wanted: VariantFilter) -> dict[VariantFilter, list[str]]:
    """The facets by what their rows must fit, so that each table is read as rarely as can be."""
    asked: dict[VariantFilter, list[str]] = {}
    for name in FACETS:
        asked.setdefault(replace(wanted, **{name: ""}), []).append(name)
    return asked


class _Remembered:
    """The answers asked for last, for any thread."""

    def __init__(self, room: int) -> None:
        self._room, self._lock = room, threading.Lock()
        self._answers: OrderedDict[tuple[str, VariantFilter], VariantCounts] = OrderedDict()

    def get(self, asked: tuple[str, VariantFilter]) -> VariantCounts | None:
        with self._lock:
            if asked in self._answers:
                self._answers.move_to_end(asked)
            return self._answers.get(asked)

    def put(self, asked: tuple[str, VariantFilter], answer: VariantCounts) -> VariantCounts:
        with self._lock:
            self._answers[asked] = answer
            while len(self._answers) > self._room:
                self._answers.popitem(last=False)
        return answer


def locked_down(folder: Path) -> duckdb.DuckDBPyConnection:
    """In memory, for files of one folder; nothing a query says can widen that."""
    import duckdb

    spill = folder / f".spill-{os.getpid()}"
    database = duckdb.connect(":memory:", config=SETTINGS | {"temp_directory": str(spill)})
    allowed = str(folder).replace("'", "''")
    for statement in (
        f"set allowed_directories = ['{allowed}/']",
        "set enable_external_access = false",
        "set lock_configuration = true",
    ):
        database.execute(statement)
    return database
