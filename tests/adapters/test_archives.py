"""Cold storage: the port's contract for a storage class and for a vault, over HTTP."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber

from adapters.archive_glacier_vault import GlacierVaultArchive, Listed
from adapters.archive_s3_glacier import TIERS, S3GlacierArchive, is_done
from adapters.cloud import Cloud
from adapters.objects_s3 import S3Objects
from adapters.vault_upload import part_bytes
from domain.ports import Archive, ArchiveFailed, ArchiveRef, ColdFile, RetrievalState
from entrypoints.local.vault_book import Timing
from tests.cloud import Stack
from tests.memory import MemoryArchive, MemoryObjects
from tests.standins import VaultStandIn

KEY = "results/1/1/annotated.vcf.gz"
BACK = "results/restored/annotated.vcf.gz"
MIB = 2**20


def now() -> datetime:
    return datetime.now(UTC)


def lay_down(stack: Stack | Cold, content: bytes, key: str = KEY) -> ColdFile:
    """A result as its job's events describe it."""
    head = stack.files.put(key, content, content_type="application/gzip")
    digest = hashlib.sha256(content).hexdigest()
    return ColdFile(uuid4(), 1, key, len(content), digest, head.etag)


def until(archive: Archive, ref: ArchiveRef, file: ColdFile, job: str, state: str) -> None:
    end = time.monotonic() + 15
    while archive.state(ref, file, job) is not RetrievalState(state):
        assert time.monotonic() < end, f"it never was {state}"
        time.sleep(0.05)


def in_class(stack: Stack, storage_class: str = "GLACIER") -> S3GlacierArchive:
    client = stack.aws.client("s3")
    return S3GlacierArchive(client, stack.files.bucket, storage_class=storage_class, now=now)


@pytest.fixture
def in_vault(
    stack: Stack, vault: Callable[..., VaultStandIn]
) -> tuple[GlacierVaultArchive, VaultStandIn]:
    standin = vault()
    archive = GlacierVaultArchive(
        standin.client,
        "results",
        stack.files,
        now=now,
        topic_arn=lambda: "arn:topic",
        least_part=MIB,
    )
    return archive, standin


@dataclass(frozen=True)
class Cold:
    """A bucket and the archive its files go to."""

    files: Any
    archive: Archive


class QuickMemoryArchive(MemoryArchive):
    RETRIEVAL = timedelta(seconds=0.3)


@pytest.fixture(params=["class", "vault", "memory class", "memory vault"])
def cold(request: pytest.FixtureRequest) -> Cold:
    if request.param.startswith("memory"):
        memory = MemoryObjects()
        return Cold(memory, QuickMemoryArchive(memory, now, in_place="class" in request.param))
    stack: Stack = request.getfixturevalue("stack")
    if request.param == "class":
        return Cold(stack.files, in_class(stack))
    made: tuple[GlacierVaultArchive, VaultStandIn] = request.getfixturevalue("in_vault")
    return Cold(stack.files, made[0])


# --- the contract --------------------------------------------------------------------------------


def test_a_result_goes_to_the_cold_and_comes_back_as_it_was(cold: Cold) -> None:
    archive = cold.archive
    content = os.urandom(3 * MIB + 17)
    file = lay_down(cold, content)
    ref = archive.store(file)
    assert (ref.bytes, ref.sha256) == (file.bytes, file.sha256)
    archive.remove_source(file)
    assert not archive.source_is_live(file)

    asked = archive.retrieve(ref, file)
    assert asked.tier_asked == "Expedited"
    assert now() < asked.expected_by <= now() + timedelta(hours=5)
    until(archive, ref, file, asked.id, "ready")
    head = archive.bring_back(ref, file, asked.id, to=BACK)
    assert (head.key, head.bytes, head.storage_class) == (BACK, file.bytes, "STANDARD")
    assert cold.files.open(BACK).read() == content
    archive.discard(ref, file)
    archive.discard(ref, file)
    assert cold.files.open(BACK).read() == content
    assert cold.files.head(KEY) is None


def test_a_source_that_is_missing_or_changed_is_not_archived(cold: Cold) -> None:
    archive = cold.archive
    file = lay_down(cold, b"as recorded")
    with pytest.raises(ArchiveFailed) as failed:
        archive.store(replace(file, key="results/none"))
    assert (failed.value.code, failed.value.retryable) == ("source_missing", False)
    cold.files.put(KEY, b"something else")
    with pytest.raises(ArchiveFailed) as failed:
        archive.store(file)
    assert (failed.value.code, failed.value.retryable) == ("source_changed", False)
    assert cold.files.open(KEY).read() == b"something else"


def test_a_retrieval_under_way_is_found_and_not_asked_for_again(cold: Cold) -> None:
    archive = cold.archive
    file = lay_down(cold, b"x" * 1000)
    ref = archive.store(file)
    archive.remove_source(file)
    first = archive.retrieve(ref, file)
    assert archive.retrieve(ref, file).id == first.id
    until(archive, ref, file, first.id, "ready")
    assert archive.retrieve(ref, file).id == first.id


def test_altered_bytes_do_not_become_the_result_again(cold: Cold) -> None:
    archive = cold.archive
    file = lay_down(cold, b"x" * 1000)
    ref = archive.store(file)
    archive.remove_source(file)
    asked = archive.retrieve(ref, file)
    until(archive, ref, file, asked.id, "ready")
    recorded = replace(file, sha256="0" * 64)
    with pytest.raises(ArchiveFailed) as failed:
        archive.bring_back(ref, recorded, asked.id, to=BACK)
    assert (failed.value.code, failed.value.retryable) == ("archive_altered", False)
    head = cold.files.head(KEY)
    assert head is None or head.storage_class == "GLACIER"
    assert archive.bring_back(ref, file, asked.id, to=BACK).bytes == file.bytes


def test_an_archived_result_of_an_erased_job_is_deleted(cold: Cold) -> None:
    archive = cold.archive
    file = lay_down(cold, b"x" * 1000)
    ref = archive.store(file)
    archive.remove_source(file)
    archive.discard(ref, file)
    with pytest.raises(ArchiveFailed) as failed:
        archive.retrieve(ref, file)
    assert failed.value.code == "archive_missing"
    archive.discard(ref, file)


@pytest.mark.parametrize("kind", ["class", "vault"])
def test_an_archive_that_cannot_be_reached_is_a_failure_to_be_tried_again(kind: str) -> None:
    nobody = Cloud("http://127.0.0.1:9", region="us-east-1", access_key="a", secret_key="b")
    files = MemoryObjects()
    archive: Archive = GlacierVaultArchive(
        nobody.client("glacier", attempts=1), "results", files, now=now
    )
    if kind == "class":
        s3 = nobody.client("s3", attempts=1)
        archive = S3GlacierArchive(s3, "files", storage_class="GLACIER", now=now)
    file = lay_down(Cold(files, archive), b"x")
    ref = ArchiveRef("any", "GLACIER", "a", 1, file.sha256)
    for act in (lambda: archive.store(file), lambda: archive.retrieve(ref, file)):
        with pytest.raises(ArchiveFailed) as failed:
            act()
        assert failed.value.retryable


def test_a_source_that_cannot_be_read_now_is_a_failure_to_be_tried_again() -> None:
    nobody = Cloud("http://127.0.0.1:9", region="us-east-1", access_key="a", secret_key="b")
    files = S3Objects(nobody.client("s3", attempts=1), "files")
    archive = GlacierVaultArchive(nobody.client("glacier", attempts=1), "v", files, now=now)
    with pytest.raises(ArchiveFailed) as failed:
        archive.store(ColdFile(uuid4(), 1, KEY, 1, "ab", "e"))
    assert (failed.value.code, failed.value.retryable) == ("vault_unreachable", True)


# --- the storage class ---------------------------------------------------------------------------


def test_archiving_twice_changes_nothing(stack: Stack) -> None:
    file, archive = lay_down(stack, b"x"), in_class(stack)
    assert archive.store(file) == archive.store(file)
    head = stack.files.head(KEY)
    assert head is not None
    assert head.storage_class == "GLACIER"


def test_bringing_back_twice_changes_nothing(stack: Stack) -> None:
    file, archive = lay_down(stack, b"x" * 100), in_class(stack)
    ref = archive.store(file)
    job = archive.retrieve(ref, file).id
    assert archive.state(ref, file, job) is RetrievalState.RUNNING
    until(archive, ref, file, job, "ready")
    assert archive.bring_back(ref, file, job, to=BACK) == archive.bring_back(
        ref, file, job, to=BACK
    )
    assert archive.state(ref, file, job) is RetrievalState.READY


def test_an_asleep_object_has_no_retrieval_until_it_is_asked_for(stack: Stack) -> None:
    file, archive = lay_down(stack, b"x"), in_class(stack)
    ref = archive.store(file)
    assert archive.state(ref, file, KEY) is RetrievalState.GONE


def test_deep_archive_has_no_expedited_tier(stack: Stack) -> None:
    file, archive = lay_down(stack, b"x"), in_class(stack, "DEEP_ARCHIVE")
    asked = archive.retrieve(archive.store(file), file)
    assert (asked.tier_asked, asked.tier_got) == ("Standard", "Standard")
    assert asked.expected_by > now() + timedelta(hours=11)


def test_glacier_ir_comes_straight_back(stack: Stack) -> None:
    file, archive = lay_down(stack, b"x" * 100), in_class(stack, "GLACIER_IR")
    ref = archive.store(file)
    assert ref.storage_class == "GLACIER_IR"
    asked = archive.retrieve(ref, file)
    assert asked.expected_by <= now()
    assert archive.state(ref, file, asked.id) is RetrievalState.READY
    assert archive.bring_back(ref, file, asked.id, to=BACK).storage_class == "STANDARD"


def test_a_class_that_is_none_is_refused(stack: Stack) -> None:
    with pytest.raises(ValueError, match="STANDARD"):
        in_class(stack, "STANDARD")


@pytest.mark.parametrize(
    ("current", "wanted", "done"),
    [
        ("STANDARD", "GLACIER", False),
        ("GLACIER", "GLACIER", True),
        ("GLACIER_IR", "GLACIER", False),
        ("DEEP_ARCHIVE", "GLACIER", True),
        ("GLACIER", "DEEP_ARCHIVE", True),
    ],
)
def test_no_copy_that_aws_refuses_is_asked_for(current: str, wanted: str, done: bool) -> None:
    assert is_done(current, wanted) is done


@pytest.mark.parametrize(
    ("answers", "got"),
    [
        ([""], "Expedited"),
        (["GlacierExpeditedRetrievalNotAvailable", ""], "Standard"),
        (["RestoreAlreadyInProgress"], "Expedited"),
    ],
)
def test_only_a_want_of_capacity_falls_to_the_next_tier(
    stack: Stack, answers: list[str], got: str
) -> None:
    file = lay_down(stack, b"x")
    ref = in_class(stack).store(file)
    assert stubbed(stack, file, ref, answers).tier_got == got


@pytest.mark.parametrize("code", ["AccessDenied", "SlowDown", "InternalError"])
def test_any_other_refusal_is_an_error_to_be_tried_again(stack: Stack, code: str) -> None:
    file = lay_down(stack, b"x")
    ref = in_class(stack).store(file)
    with pytest.raises(ArchiveFailed) as failed:
        stubbed(stack, file, ref, [code])
    assert (failed.value.code, failed.value.retryable) == ("store_refused", True)


def test_a_want_of_capacity_of_the_last_tier_is_an_error(stack: Stack) -> None:
    file = lay_down(stack, b"x")
    ref = in_class(stack).store(file)
    with pytest.raises(ArchiveFailed):
        stubbed(stack, file, ref, ["GlacierExpeditedRetrievalNotAvailable"] * 2)


def stubbed(stack: Stack, file: ColdFile, ref: ArchiveRef, answers: list[str]) -> Any:
    """Ask for a retrieval where AWS gives these answers (empty: taken), and no more."""
    client = stack.aws_again().client("s3", attempts=1)
    with Stubber(client) as stub:
        head = {"StorageClass": "GLACIER", "ContentLength": file.bytes, "ETag": f'"{file.etag}"'}
        stub.add_response("head_object", head)
        for code in answers:
            if code:
                stub.add_client_error("restore_object", code, http_status_code=503)
            else:
                stub.add_response("restore_object", {})
        archive = S3GlacierArchive(client, stack.files.bucket, storage_class="GLACIER", now=now)
        asked = archive.retrieve(ref, file)
        stub.assert_no_pending_responses()
        return asked


# --- the vault -----------------------------------------------------------------------------------


def test_the_source_lives_until_it_is_removed(
    stack: Stack, in_vault: tuple[GlacierVaultArchive, VaultStandIn]
) -> None:
    archive, _ = in_vault
    file = lay_down(stack, b"x")
    archive.store(file)
    assert archive.source_is_live(file)
    archive.remove_source(file)
    archive.remove_source(file)
    assert not archive.source_is_live(file)


def test_refused_capacity_falls_to_the_standard_tier(
    stack: Stack, in_vault: tuple[GlacierVaultArchive, VaultStandIn]
) -> None:
    archive, standin = in_vault
    file = lay_down(stack, b"x")
    ref = archive.store(file)
    standin.vaults.book.switch_capacity(on=False)
    asked = archive.retrieve(ref, file)
    assert (asked.tier_asked, asked.tier_got) == ("Expedited", "Standard")
    until(archive, ref, file, asked.id, "ready")


def test_completion_is_published_with_the_job_that_is_complete(
    stack: Stack, in_vault: tuple[GlacierVaultArchive, VaultStandIn]
) -> None:
    archive, standin = in_vault
    file = lay_down(stack, b"x")
    ref = archive.store(file)
    asked = archive.retrieve(ref, file)
    until(archive, ref, file, asked.id, "ready")
    end = time.monotonic() + 5
    while not standin.published and time.monotonic() < end:
        time.sleep(0.05)
    ((topic, message),) = standin.published
    assert topic == "arn:topic"
    assert (message["JobId"], message["ArchiveId"]) == (asked.id, ref.archive_id)
    assert message["StatusCode"] == "Succeeded"


def test_an_expired_output_can_be_asked_for_again(
    stack: Stack, vault: Callable[..., VaultStandIn]
) -> None:
    standin = vault(Timing(expedited=0.1, output=0.5))
    archive = GlacierVaultArchive(standin.client, "results", stack.files, now=now)
    file = lay_down(stack, b"x")
    ref = archive.store(file)
    first = archive.retrieve(ref, file)
    until(archive, ref, file, first.id, "ready")
    until(archive, ref, file, first.id, "gone")
    with pytest.raises(ArchiveFailed) as failed:
        archive.bring_back(ref, file, first.id, to=BACK)
    assert (failed.value.code, failed.value.retryable) == ("retrieval_gone", True)
    second = archive.retrieve(ref, file)
    assert second.id != first.id


def test_an_inventory_lists_what_is_in_the_vault(
    stack: Stack, in_vault: tuple[GlacierVaultArchive, VaultStandIn]
) -> None:
    archive, standin = in_vault
    file = lay_down(stack, b"x")
    mine = archive.store(file)
    foreign = standin.client.upload_archive(vaultName="results", body=b"y")["archiveId"]
    job = archive.ask_for_inventory()
    until(archive, mine, file, job, "ready")
    assert archive.inventory_state(job) is RetrievalState.READY
    first, second = archive.inventory(job)
    assert first == Listed(mine.archive_id, first.created, file.job_id, file.attempt)
    assert second == Listed(foreign, second.created, None, None)
    assert now() - timedelta(minutes=1) < first.created <= second.created <= now()
    archive.delete_archive(foreign)
    archive.delete_archive(foreign)
    assert archive.inventory_state("none") is RetrievalState.GONE


def test_archives_and_retrievals_outlive_a_restart(
    stack: Stack, vault: Callable[..., VaultStandIn]
) -> None:
    first = GlacierVaultArchive(vault().client, "results", stack.files, now=now, least_part=MIB)
    content = os.urandom(2 * MIB + 1)
    file = lay_down(stack, content)
    ref = first.store(file)
    first.remove_source(file)
    asked = first.retrieve(ref, file)
    second = GlacierVaultArchive(vault().client, "results", stack.files, now=now)
    until(second, ref, file, asked.id, "ready")
    second.bring_back(ref, file, asked.id, to=BACK)
    assert stack.files.open(BACK).read() == content


def test_a_failed_upload_leaves_nothing_in_the_vault(
    stack: Stack, in_vault: tuple[GlacierVaultArchive, VaultStandIn]
) -> None:
    archive, standin = in_vault
    file = lay_down(stack, b"x" * (2 * MIB))
    with pytest.raises(ArchiveFailed) as failed:
        archive.store(replace(file, sha256="0" * 64))
    assert failed.value.code == "source_changed"
    assert standin.vaults.book.archives("results") == []


@pytest.mark.parametrize(
    ("whole", "size"), [(1, 16), (160_000 * MIB, 16), (160_000 * MIB + 1, 32), (2**40, 128)]
)
def test_parts_are_powers_of_two_and_few_enough(whole: int, size: int) -> None:
    assert part_bytes(whole) == size * MIB


def test_wrong_tree_hashes_are_refused_by_the_stand_in(vault: Callable[..., VaultStandIn]) -> None:
    client = vault().client
    with pytest.raises(ClientError, match="ResourceNotFound"):
        client.upload_archive(vaultName="v", body=b"data")
    for _ in range(2):
        client.create_vault(vaultName="v")
    for whole in ("0" * 64, hashlib.sha256(b"other").hexdigest()):
        with pytest.raises(ClientError, match="tree hash"):
            client.upload_archive(vaultName="v", body=b"data", checksum=whole)
    upload = client.initiate_multipart_upload(vaultName="v", partSize=str(MIB))["uploadId"]
    client.upload_multipart_part(vaultName="v", uploadId=upload, range="bytes 0-3/*", body=b"data")
    with pytest.raises(ClientError, match="tree hash of the whole"):
        client.complete_multipart_upload(
            vaultName="v", uploadId=upload, archiveSize="4", checksum="0" * 64
        )
    with pytest.raises(ClientError, match="part size"):
        client.initiate_multipart_upload(vaultName="v", partSize="1000000")
    with pytest.raises(ClientError, match="ResourceNotFound"):
        client.delete_archive(vaultName="v", archiveId="none")


def test_every_class_has_its_tiers() -> None:
    assert TIERS == {
        "GLACIER": ("Expedited", "Standard"),
        "DEEP_ARCHIVE": ("Standard",),
        "GLACIER_IR": (),
    }
