"""A backup carries everything to an empty store, and says so when it cannot."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from adapters.records_sqlite import SqliteRecords
from domain.log import read_log
from domain.service import AnnotationService
from entrypoints.backup import Backup
from entrypoints.backup_format import BackupRefused
from tests.memory import MemoryObjects
from tests.world import BAD, GOOD, World


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = World(tmp_path)
    for n in range(70):
        world.submit(BAD if n % 7 == 0 else GOOD, upload_id=str(n))
    world.settle()
    return world


def backup_of(world: World) -> Backup:
    return Backup(world.service, world.records, world.files)


def empty_store(folder: Path) -> Backup:
    folder.mkdir(exist_ok=True)
    env = {"PERSISTENCE_MODULE": "eventsourcing.sqlite", "SQLITE_DBNAME": str(folder / "gas.db")}
    service = AnnotationService(env, clock=lambda: datetime.now(UTC))
    records = SqliteRecords(folder / "gas.db", now=lambda: datetime.now(UTC).timestamp())
    return Backup(service, records, MemoryObjects())


def everything(backup: Backup) -> dict[str, Any]:
    return {
        "log": read_log(backup.service, after=0, limit=10_000),
        "records": sorted(
            (c.kind, c.record.pk, c.record.sk, str(c.record.value), c.record.revision)
            for c in backup.records.copies()
        ),
        "files": {h.key: backup.files.first_bytes(h.key, 2**20) for h in backup.files.list()},
    }


def test_what_is_restored_is_what_was_backed_up(world: World, tmp_path: Path) -> None:
    world.records.put("session_key", "digest", value={"access_token": "secret"})
    written = backup_of(world).write(tmp_path / "a.tar")
    world.records.delete("session_key", "digest")
    assert b"access_token" not in (tmp_path / "a.tar").read_bytes()
    assert (tmp_path / "a.tar").stat().st_mode & 0o077 == 0
    assert written.events > 200
    assert written.files > 70
    store = empty_store(tmp_path / "new")
    assert store.restore(tmp_path / "a.tar") == written
    assert everything(store) == everything(backup_of(world))
    again = store.write(tmp_path / "b.tar")
    assert again.digests["log.ndjson"] == written.digests["log.ndjson"]


def test_a_store_with_events_is_left_alone(world: World, tmp_path: Path) -> None:
    backup_of(world).write(tmp_path / "a.tar")
    before = everything(backup_of(world))
    with pytest.raises(BackupRefused, match="Restore into an empty one"):
        backup_of(world).restore(tmp_path / "a.tar")
    assert everything(backup_of(world)) == before


@pytest.mark.parametrize("place", [0.1, 0.4, 0.7, 0.95])
def test_a_damaged_backup_changes_nothing(world: World, tmp_path: Path, place: float) -> None:
    path = tmp_path / "a.tar"
    backup_of(world).write(path)
    data = bytearray(path.read_bytes())
    at = next(n for n in range(int(len(data) * place), len(data)) if data[n])  # no padding
    data[at] ^= 0x01
    path.write_bytes(data)
    store = empty_store(tmp_path / "new")
    with pytest.raises(BackupRefused):
        store.restore(path)
    assert everything(store) == {"log": [], "records": [], "files": {}}


@pytest.mark.parametrize("keep", [0.0, 0.3, 0.9])
def test_a_backup_cut_short_changes_nothing(world: World, tmp_path: Path, keep: float) -> None:
    path = tmp_path / "a.tar"
    backup_of(world).write(path)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * keep)])
    store = empty_store(tmp_path / "new")
    with pytest.raises(BackupRefused):
        store.restore(path)
    assert everything(store) == {"log": [], "records": [], "files": {}}


def test_a_backup_that_fails_half_way_leaves_no_file(world: World, tmp_path: Path) -> None:
    class Failing(MemoryObjects):
        def open(self, key: str, *, if_match: str | None = None) -> Any:
            raise OSError("the store is gone")

    failing = Failing()
    failing.objects = world.files.objects
    with pytest.raises(OSError, match="the store is gone"):
        Backup(world.service, world.records, failing).write(tmp_path / "a.tar")
    assert not (tmp_path / "a.tar").exists()


def test_nothing_is_not_called_a_backup(tmp_path: Path) -> None:
    with pytest.raises(BackupRefused, match="The log is empty"):
        empty_store(tmp_path / "new").write(tmp_path / "a.tar")
    assert not (tmp_path / "a.tar").exists()


@contextmanager
def no_file_longer_than(size: int) -> Iterator[None]:
    """What a full disk is to whoever writes: the kernel takes no more."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_backup_for_which_there_is_no_room_says_so_and_leaves_no_file(
    world: World, tmp_path: Path
) -> None:
    with (
        pytest.raises(BackupRefused, match=r"cannot be finished: File too large\. Make room"),
        no_file_longer_than(20_000),
    ):
        backup_of(world).write(tmp_path / "a.tar")
    assert list(tmp_path.glob("a.tar*")) == []


def test_a_backup_to_where_nothing_can_be_written_says_so(world: World, tmp_path: Path) -> None:
    with pytest.raises(BackupRefused, match="cannot be written: No such file"):
        backup_of(world).write(tmp_path / "missing" / "a.tar")
