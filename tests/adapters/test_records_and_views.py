"""Records and views in memory and in SQLite keep the same contracts."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from adapters.records_sqlite import SqliteRecords
from adapters.views_sqlite import SqliteViews
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
    def use(n: int) -> int:
        return SqliteRecords(tmp_path / "gas.db", now=lambda: 0.0).put("kind", str(n), value={})

    for _ in range(10):
        (tmp_path / "gas.db").unlink(missing_ok=True)
        with ThreadPoolExecutor(16) as pool:
            assert list(pool.map(use, range(16))) == [1] * 16
