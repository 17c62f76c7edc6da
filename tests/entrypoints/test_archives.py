"""An archive is found where it was put, whatever is chosen now."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from uuid import uuid4

import pytest

from domain.ports import Archive, ArchiveFailed, ArchiveRef, ColdFile
from entrypoints.archives import Archives
from tests.memory import MemoryArchive, MemoryObjects

KEY, BACK = "results/1/1/annotated.vcf.gz", "results/1/restored-2/annotated.vcf.gz"
CONTENT = b"a result"
BACKENDS = ["s3_glacier", "glacier_vault"]


@pytest.fixture
def files() -> MemoryObjects:
    return MemoryObjects()


@pytest.fixture
def file(files: MemoryObjects) -> ColdFile:
    head = files.put(KEY, CONTENT)
    digest = hashlib.sha256(CONTENT).hexdigest()
    return ColdFile(uuid4(), 1, KEY, len(CONTENT), digest, head.etag)


@pytest.fixture
def backends(files: MemoryObjects) -> dict[str, Archive]:
    def now() -> datetime:
        return datetime.now(UTC)

    return {
        "s3_glacier": InPlace(files, now, in_place=True),
        "glacier_vault": Vault(files, now),
    }


class InPlace(MemoryArchive):
    """What sleeps already is archived."""

    def store(self, file: ColdFile) -> ArchiveRef:
        head = self.files.head(file.key)
        if head is not None and head.storage_class == "STANDARD" and head.etag != file.etag:
            raise ArchiveFailed("source_changed", retryable=False)
        return super().store(file)


class Vault(MemoryArchive):
    """Cannot read what sleeps."""

    def store(self, file: ColdFile) -> ArchiveRef:
        head = self.files.head(file.key)
        if head is not None and head.storage_class != "STANDARD":
            raise ArchiveFailed("source_changed", retryable=False)
        return super().store(file)


def chosen(name: str, backends: dict[str, Archive]) -> Archives:
    return Archives(name, {each: lambda each=each: backends[each] for each in backends})  # type: ignore[misc]


@pytest.mark.parametrize("then", BACKENDS)
@pytest.mark.parametrize("now", BACKENDS)
def test_what_was_archived_comes_back_after_the_setting_changed(
    then: str, now: str, file: ColdFile, files: MemoryObjects, backends: dict[str, Archive]
) -> None:
    ref = chosen(then, backends).store(file)
    assert ref.backend == then
    later = chosen(now, backends)
    if then == "glacier_vault":
        later.remove_source(file)
        assert files.head(KEY) is None
    asked = later.retrieve(ref, file)
    later.state(ref, file, asked.id)
    assert later.bring_back(ref, file, asked.id, to=BACK).key == BACK
    later.discard(ref, file)
    assert files.open(BACK).read() == CONTENT
    assert files.head(KEY) is None


def test_a_file_that_a_killed_worker_put_to_sleep_is_recorded_where_it_sleeps(
    file: ColdFile, files: MemoryObjects, backends: dict[str, Archive]
) -> None:
    files.change_class(KEY, "GLACIER")
    ref = chosen("glacier_vault", backends).store(file)
    assert (ref.backend, ref.archive_id) == ("s3_glacier", KEY)


@pytest.mark.parametrize("now", BACKENDS)
def test_a_file_that_changed_is_archived_nowhere(
    now: str, file: ColdFile, files: MemoryObjects, backends: dict[str, Archive]
) -> None:
    files.put(KEY, b"something else")
    with pytest.raises(ArchiveFailed) as failed:
        chosen(now, backends).store(file)
    assert (failed.value.code, failed.value.retryable) == ("source_changed", False)
    assert files.open(KEY).read() == b"something else"


def test_a_backend_nobody_knows_is_named(file: ColdFile, backends: dict[str, Archive]) -> None:
    ref = ArchiveRef("tape", "LTO", "1", 1, "")
    with pytest.raises(ArchiveFailed, match="tape is none"):
        chosen("s3_glacier", backends).retrieve(ref, file)
