"""Local copies: fetched once, whole or not at all, dropped when nobody asks."""

from __future__ import annotations

import hashlib
import io
import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import BinaryIO

import duckdb
import pytest

from adapters.variants_duckdb import DuckDbTables
from adapters.variants_duckdb.copies import UNUSED_SECONDS
from adapters.variants_duckdb.tables import locked_down
from domain.errors import NotFound
from domain.ports import TableDamaged, VariantFilter
from tests.adapters.variants.conftest import CountingStore, Stored

ALL = VariantFilter()


def copies(folder: Path) -> set[str]:
    """The digests of the copies there are."""
    return {path.stem for path in folder.glob("*.parquet")}


def left(folder: Path) -> list[str]:
    """What is in the folder besides locks."""
    return [path.name for path in folder.glob("*") if path.suffix != ".lock"]


def ids(tables: DuckDbTables, table: Stored) -> list[str | None]:
    return [row.id for row in tables.open(table.key, table.sha256).page(ALL, limit=99).rows]


def aged(folder: Path, table: Stored, seconds: float) -> None:
    """As if nobody had asked for the copy since then."""
    then = time.time() - seconds
    os.utime(folder / f"{table.sha256}.parquet", (then, then))


def test_eight_threads_fetch_a_table_once(
    store: CountingStore, tables: DuckDbTables, many: Stored
) -> None:
    many.into(store)
    with ThreadPoolExecutor(8) as pool:
        asked = [pool.submit(ids, tables, many) for _ in range(8)]
        answers = [each.result() for each in asked]
    assert all(answer == answers[0] for answer in answers)
    assert store.opened == [many.key]


def test_two_processes_share_the_copies(
    store: CountingStore, tables: DuckDbTables, many: Stored, tmp_path: Path
) -> None:
    many.into(store)
    other = DuckDbTables(store, tmp_path / "tables")
    assert ids(tables, many) == ids(other, many)
    assert store.opened == [many.key]


def test_the_one_not_asked_for_longest_makes_room(
    store: CountingStore, tmp_path: Path, examples: dict[str, Stored], many: Stored
) -> None:
    sars, mt = examples["sars-cov-2"].into(store), examples["human-mt"].into(store)
    folder, room = tmp_path / "tables", len(sars.data) + len(many.into(store).data)
    tables = DuckDbTables(store, folder, room=room)
    for table, seconds in ((sars, 200), (mt, 100)):
        ids(tables, table)
        aged(folder, table, seconds)
    ids(tables, sars)  # asked for again: now the other one is the oldest
    ids(tables, many)
    assert copies(folder) == {sars.sha256, many.sha256}


def test_a_table_larger_than_all_room_can_be_read(
    store: CountingStore, tmp_path: Path, many: Stored
) -> None:
    tables = DuckDbTables(store, tmp_path / "tables", room=1)
    assert ids(tables, many.into(store))
    assert ids(tables, many)
    assert store.opened == [many.key]


def test_what_nobody_has_looked_at_for_an_hour_is_forgotten(
    store: CountingStore, tables: DuckDbTables, examples: dict[str, Stored], tmp_path: Path
) -> None:
    folder = tmp_path / "tables"
    assert tables.forget_unused() == 0, "there is no folder yet"
    for table in examples.values():
        ids(tables, table.into(store))
    aged(folder, examples["human-mt"], UNUSED_SECONDS + 1)
    begun = folder / f"{'0' * 64}.fetching"
    begun.write_bytes(b"by a process that was killed")
    os.utime(begun, (0, 0))
    assert tables.forget_unused() == 2
    assert copies(folder) == {examples["sars-cov-2"].sha256}


def test_a_table_that_was_deleted_is_forgotten_at_once(
    store: CountingStore, tables: DuckDbTables, examples: dict[str, Stored], tmp_path: Path
) -> None:
    sars, mt = examples["sars-cov-2"].into(store), examples["human-mt"].into(store)
    tables.forget(mt.sha256)  # there is no copy, and not even a folder
    for table in (sars, mt):
        ids(tables, table)
    tables.forget(sars.sha256)
    assert copies(tmp_path / "tables") == {mt.sha256}


def test_a_table_that_the_store_does_not_have_is_not_found(
    tables: DuckDbTables, many: Stored, tmp_path: Path
) -> None:
    with pytest.raises(NotFound):
        tables.open(many.key, many.sha256)
    assert copies(tmp_path / "tables") == set()


def test_other_bytes_than_were_stored_are_never_read(
    store: CountingStore, tables: DuckDbTables, many: Stored, tmp_path: Path
) -> None:
    store.put(many.key, many.data[:-1] + b"?")
    with pytest.raises(TableDamaged, match="not the one that was made"):
        tables.open(many.key, many.sha256)
    assert left(tmp_path / "tables") == []
    assert ids(tables, many.into(store)), "once it is mended it is there"


@pytest.mark.parametrize("data", [b"", b"PAR1 this is no table PAR1"])
def test_a_file_that_is_no_table_is_a_sentence(
    store: CountingStore, tables: DuckDbTables, data: bytes
) -> None:
    digest = hashlib.sha256(data).hexdigest()
    store.put("k/x.parquet", data)
    table = tables.open("k/x.parquet", digest)
    with pytest.raises(TableDamaged, match="Download the annotated VCF instead"):
        table.page(ALL, limit=1)


def test_a_table_with_other_columns_is_a_sentence(
    store: CountingStore, tables: DuckDbTables, tmp_path: Path
) -> None:
    path = tmp_path / "other.parquet"
    duckdb.sql("select 1 as vid, 'x' as colour").write_parquet(str(path))
    store.upload("k/x.parquet", path)
    table = tables.open("k/x.parquet", hashlib.sha256(path.read_bytes()).hexdigest())
    with pytest.raises(TableDamaged):
        table.page(ALL, limit=1)


@pytest.mark.parametrize("harm", [b"", b"altered", None])
def test_a_copy_that_was_lost_or_altered_is_fetched_anew(
    store: CountingStore, tables: DuckDbTables, many: Stored, tmp_path: Path, harm: bytes | None
) -> None:
    table = tables.open(many.into(store).key, many.sha256)
    before = table.page(ALL, limit=9)
    copy = tmp_path / "tables" / f"{many.sha256}.parquet"
    copy.unlink()
    if harm is not None:
        copy.write_bytes(harm)
    assert table.page(ALL, limit=9) == before
    assert store.opened == [many.key] * 2


class Breaking(CountingStore):
    """The connection breaks in the middle, once."""

    def open(self, key: str, *, if_match: str | None = None) -> BinaryIO:
        whole = super().open(key, if_match=if_match)
        return whole if len(self.opened) > 1 else Broken(whole.read()[:1000])


class Broken(io.BytesIO):
    def read(self, size: int | None = -1, /) -> bytes:
        if piece := super().read(size):
            return piece
        raise ConnectionError("broken")


def test_a_download_that_breaks_leaves_nothing_and_can_be_tried_again(
    tmp_path: Path, many: Stored
) -> None:
    store, folder = Breaking(), tmp_path / "tables"
    tables = DuckDbTables(store, folder)
    many.into(store)
    with pytest.raises(ConnectionError):
        tables.open(many.key, many.sha256)
    assert left(folder) == []
    assert ids(tables, many)


def test_nobody_else_on_the_machine_may_read_the_copies(
    store: CountingStore, tables: DuckDbTables, many: Stored, tmp_path: Path
) -> None:
    ids(tables, many.into(store))
    assert (tmp_path / "tables").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    "statement",
    [
        "select * from read_csv('/etc/hosts')",
        "select * from read_text('{folder}/../secret')",
        "copy (select 1) to '{folder}/../out.csv'",
        "set enable_external_access = true",
        "set memory_limit = '8GB'",
        "install httpfs",
    ],
)
def test_the_database_reads_its_folder_and_nothing_else(tmp_path: Path, statement: str) -> None:
    (tmp_path / "secret").write_text("secret")
    folder = tmp_path / "it's here"
    folder.mkdir()
    path = folder / "x.parquet"
    duckdb.sql("select 1 as one").write_parquet(str(path))
    database = locked_down(folder)
    assert database.execute("from read_parquet($p)", {"p": str(path)}).fetchall() == [(1,)]
    with pytest.raises(duckdb.Error):
        database.execute(statement.format(folder=str(folder).replace("'", "''")))
