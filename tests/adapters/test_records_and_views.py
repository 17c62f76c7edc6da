"""Records and views in memory and in SQLite keep the same contracts."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest

from adapters.records_sqlite import SqliteRecords
from adapters.views_sqlite import SqliteViews
from domain.ports import Conflict, Put
from tests.adapters.contracts.records import ExpiringRecordsContract, RecordsContract
from tests.adapters.contracts.views import ViewsContract
from tests.memory import MemoryRecords, MemoryViews


@pytest.fixture
def clock() -> list[float]:
    return [1_000_000.0]


class TestSqliteRecords(RecordsContract, ExpiringRecordsContract):
    @pytest.fixture
    def records(self, tmp_path: Path, clock: list[float]) -> SqliteRecords:
        return SqliteRecords(tmp_path / "gas.db", now=lambda: clock[0])


class TestMemoryRecords(RecordsContract):
    @pytest.fixture
    def records(self) -> MemoryRecords:
        return MemoryRecords()


class TestSqliteViews(ViewsContract):
    @pytest.fixture
    def views(self, tmp_path: Path) -> SqliteViews:
        return SqliteViews(tmp_path / "gas.db")


class TestMemoryViews(ViewsContract):
    @pytest.fixture
    def views(self) -> MemoryViews:
        return MemoryViews()


def test_many_may_open_a_new_file_at_once(tmp_path: Path) -> None:
    """Without patience one in some twelve runs of eight fails: "database is locked"."""
    for round_ in range(60):
        views = SqliteViews(tmp_path / f"{round_}.db")
        barrier = threading.Barrier(8)

        def use(n: int, views: SqliteViews = views, barrier: threading.Barrier = barrier) -> int:
            barrier.wait()
            with suppress(Conflict):
                views.commit("v", [Put("pk", str(n), {})], after=0, position=1)
            return views.position("v")

        with ThreadPoolExecutor(8) as pool:
            assert list(pool.map(use, range(8))) == [1] * 8
