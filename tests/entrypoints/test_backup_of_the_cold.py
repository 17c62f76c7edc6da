"""What is archived travels with a backup, and comes back elsewhere when its owner pays."""

from __future__ import annotations

import json
import shutil
import tarfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, BinaryIO
from uuid import UUID, uuid4

import pytest

from adapters.objects_s3 import S3Objects
from domain.context import acting
from domain.job import Job
from entrypoints.backup import Backup
from entrypoints.backup_cold import ColdClasses, Vault, cold_of
from entrypoints.backup_format import BackupRefused, Manifest
from entrypoints.bootstrap import Gas
from entrypoints.checking.run import check
from entrypoints.commands.backup import told
from entrypoints.local.cloud import ACCESS_KEY, EmbeddedCloud, deploy
from entrypoints.local.standins import glacier_app
from entrypoints.local.vault_book import Timing, VaultBook
from entrypoints.settings import Settings
from tests.builders import paid
from tests.cloud import ORIGIN, Stack
from tests.conftest import SOAK
from tests.entrypoints.test_backup import empty_store
from tests.entrypoints.test_work import until, working
from tests.memory import MemoryObjects
from tests.standins import beside, served
from tests.world import GOOD, MemoryAnnotator

CLASSES = ("GLACIER", "DEEP_ARCHIVE", "GLACIER_IR") if SOAK else ("GLACIER",)
IN_CLASSES = [{"archive_class": name} for name in CLASSES]
IN_VAULT = {"archive": "glacier_vault"}
WAYS = [*IN_CLASSES, IN_VAULT]
Machine = Callable[..., Gas]


@pytest.fixture
def machine(tmp_path: Path, cloud: EmbeddedCloud) -> Iterator[Machine]:
    """A new machine: data folder, stack and vault of its own; no work is done on it yet."""
    with ExitStack() as running:

        def start(**settings: Any) -> Gas:
            data, prefix = tmp_path / uuid4().hex, f"t{uuid4().hex[:12]}"
            data.mkdir()
            store = settings.get("store", "sqlite")
            deploy(cloud, prefix, origins=[ORIGIN], store=store)
            sns = cloud.clients().client("sns")
            app, vaults = glacier_app(
                data,
                lambda topic, message: sns.publish(TopicArn=topic, Message=message),
                access_key=ACCESS_KEY,
                secret_key=cloud.secret,
                timing=Timing(expedited=0.2, standard=0.4),
            )
            url = running.enter_context(served(lambda _: app))
            beside(running, vaults.run)
            wanted = Settings(
                data_dir=data,
                local=True,
                stack=prefix,
                vault_url=url,
                sweep_seconds=0.5,
                free_retention=1,
                **settings,
            )
            return Gas(wanted, cloud=cloud.clients(), annotator=MemoryAnnotator())

        yield start


def carried(gas: Gas) -> Backup:
    return Backup(gas.service, gas.records, gas.files, *cold_of(gas))


def archived(gas: Gas, owner: UUID) -> tuple[Job, bytes]:
    """A result that is in the cold alone, and its bytes."""
    with working(gas), acting(f"user:{owner}"):
        gas.uploading.receive(owner, filename="f", data=GOOD, upload_id="u")
        job = gas.submission.submit(owner, upload_id="u", reference="toy").aggregate
        until(lambda: gas.service.job(job.id).result)
        result = gas.service.job(job.id).result
        assert result is not None
        until(lambda: gas.service.job(job.id).storage == "archived", seconds=30)
        in_vault = gas.settings.archive == "glacier_vault"
        until(lambda: gas.service.job(job.id).source_removed or not in_vault, seconds=30)
    return gas.service.job(job.id), GOOD.upper()


def comes_back(gas: Gas, job: Job, owner: UUID) -> bytes:
    """What the owner reads after paying."""
    told = replace(paid(user=owner), period_end=datetime.now(UTC) + timedelta(days=30))
    with acting("system:billing"):
        gas.service.apply_billing(owner, message="evt_1", ask=lambda: told)
    with working(gas):
        until(lambda: gas.service.job(job.id).storage == "available", seconds=60)
    result = gas.service.job(job.id).result
    assert result is not None
    with gas.files.open(result["key"]) as stream:
        return stream.read()


def moved(source: Gas, target: Gas, path: Path) -> Manifest:
    written = carried(source).write(path)
    assert carried(target).restore(path) == written
    assert written.stays == {}
    return written


@pytest.mark.parametrize("there", ["sqlite", "dynamodb"])
@pytest.mark.parametrize("how", WAYS, ids=lambda how: next(iter(how.values())))
def test_what_is_archived_moves_and_comes_back_elsewhere(
    machine: Machine, tmp_path: Path, how: dict[str, str], there: str
) -> None:
    here, owner = machine(**how), uuid4()
    job, made = archived(here, owner)
    elsewhere = machine(store=there, **how)
    written = moved(here, elsewhere, tmp_path / "a.tar")
    assert written.archives == (how == IN_VAULT)
    assert list(written.classes.values()) == [how[k] for k in how if k == "archive_class"]
    again = elsewhere.service.job(job.id)
    assert (again.storage, again.archive) == ("archived", job.archive)
    assert not check(elsewhere, digests=True).findings
    for gas in (here, elsewhere):
        assert list(gas.uploads.list("backup/")) == []  # what was read by way of a copy
    assert comes_back(elsewhere, job, owner) == made


def test_on_aws_what_is_archived_stays_and_the_backup_says_where(
    machine: Machine, tmp_path: Path
) -> None:
    """AWS lets nobody read what sleeps; so is the embedded cloud without its copies."""
    for how in (IN_CLASSES[0], IN_VAULT):
        here = machine(**how)
        job, _ = archived(here, uuid4())
        classes, vault = cold_of(here)
        aws = (replace(classes, desk=None), replace(vault, book=None))
        path = tmp_path / f"{len(how)}{vault.name}.tar"
        written = Backup(here.service, here.records, here.files, *aws).write(path)
        assert job.archive is not None
        stack = here.settings.stack
        place = (
            f"vault {stack}-results" if how == IN_VAULT else f"bucket {stack}-files, class GLACIER"
        )
        assert written.stays == {job.archive["archive_id"]: place}
        assert carried(machine(**how)).restore(path) == written


def test_archives_of_one_machine_are_not_lost_in_a_vault_of_aws(
    machine: Machine, tmp_path: Path
) -> None:
    here = machine(**IN_VAULT)
    archived(here, uuid4())
    carried(here).write(tmp_path / "a.tar")
    store = empty_store(tmp_path / "new")
    with pytest.raises(BackupRefused, match="Restore it on one machine"):
        store.restore(tmp_path / "a.tar")
    assert not store.service.recorder.max_notification_id()


def begun_store(folder: Path) -> Backup:
    """A store with one event: an empty log is not called a backup."""
    store = empty_store(folder)
    with acting("system:test"):
        store.service.open_account(uuid4())
    return store


class Vanishing(MemoryObjects):
    """Each file is deleted after it was listed and before it is opened."""

    def open(self, key: str, *, if_match: str | None = None) -> BinaryIO:
        self.delete([key])
        return super().open(key, if_match=if_match)


def test_what_is_deleted_meanwhile_is_left_out(tmp_path: Path) -> None:
    store = begun_store(tmp_path / "store")
    files = Vanishing()
    files.put("results/a", b"a")
    written = replace(store, files=files).write(tmp_path / "a.tar")
    assert (written.files, written.stays) == (0, {})


def test_what_sleeps_and_is_deleted_meanwhile_is_left_out(stack: Stack, tmp_path: Path) -> None:
    class Late(S3Objects):
        """Deleted by somebody else as soon as it was found asleep."""

        def open(self, key: str, *, if_match: str | None = None) -> BinaryIO:
            try:
                return super().open(key, if_match=if_match)
            finally:
                self.delete([key])

    client = stack.aws.client("s3")
    files = Late(client, f"{stack.prefix}-files")
    client.put_object(Bucket=files.bucket, Key="results/a", Body=b"a", StorageClass="GLACIER")
    classes = ColdClasses(client, files.bucket, f"{stack.prefix}-uploads")
    store = replace(begun_store(tmp_path / "store"), files=files, classes=classes)
    written = store.write(tmp_path / "a.tar")
    assert (written.files, written.stays) == (0, {})


def test_what_is_made_while_the_backup_is_written_is_in_it(tmp_path: Path) -> None:
    class Growing(MemoryObjects):
        def open(self, key: str, *, if_match: str | None = None) -> BinaryIO:
            self.put("results/late", b"late")
            return super().open(key, if_match=if_match)

    files = Growing()
    files.put("results/early", b"early")
    written = replace(begun_store(tmp_path / "store"), files=files).write(tmp_path / "a.tar")
    assert {"files/results/early", "files/results/late"} <= set(written.digests)


def test_what_moved_before_the_log_was_taken_is_restored_as_it_was_then(tmp_path: Path) -> None:
    class Moving(MemoryObjects):
        """While the last file is read, the first is removed and the second goes to a class."""

        def open(self, key: str, *, if_match: str | None = None) -> BinaryIO:
            if key == "results/c":
                self.delete(["results/a"])
                self.change_class("results/b", "GLACIER")
            return super().open(key, if_match=if_match)

    files = Moving()
    for key in ("results/a", "results/b", "results/c"):
        files.put(key, key.encode())
    written = replace(begun_store(tmp_path / "store"), files=files).write(tmp_path / "a.tar")
    assert (written.files, written.classes) == (2, {"results/b": "GLACIER"})
    again = empty_store(tmp_path / "new")
    again.restore(tmp_path / "a.tar")
    assert [head.key for head in again.files.list()] == ["results/b", "results/c"]


def test_what_woke_up_meanwhile_is_carried_after_all(tmp_path: Path) -> None:
    class Waking(MemoryObjects):
        def open(self, key: str, *, if_match: str | None = None) -> BinaryIO:
            try:
                return super().open(key, if_match=if_match)
            finally:
                self.change_class(key, "STANDARD")

    files = Waking()
    files.put("results/a", b"a")
    files.change_class("results/a", "GLACIER")
    written = replace(begun_store(tmp_path / "store"), files=files).write(tmp_path / "a.tar")
    assert (written.files, written.stays, written.classes) == (1, {}, {})


def test_a_backup_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    class Failing(MemoryObjects):
        def open(self, key: str, *, if_match: str | None = None) -> BinaryIO:
            raise OSError("the store is gone")

    files = Failing()
    files.put("results/a", b"a")
    folder = tmp_path / "backups"
    folder.mkdir()
    with pytest.raises(OSError, match="the store is gone"):
        replace(begun_store(tmp_path / "store"), files=files).write(folder / "a.tar")
    assert list(folder.iterdir()) == []


def rewritten(path: Path, change: Callable[[str, bytes], bytes | None]) -> None:
    """The same tar with other members; None leaves one out."""
    with tarfile.open(path) as source, tarfile.open(path.with_suffix(".new"), "w") as target:
        for member in source.getmembers():
            data = change(member.name, source.extractfile(member).read())  # type: ignore[union-attr]
            if data is not None:
                with (path.parent / "member").open("w+b") as file:
                    file.write(data)
                    file.seek(0)
                    member.size = len(data)
                    target.addfile(member, file)
    shutil.move(path.with_suffix(".new"), path)


def test_a_backup_of_the_first_format_is_still_restored(tmp_path: Path) -> None:
    def as_before(name: str, data: bytes) -> bytes | None:
        if name == "vault.ndjson":
            return None
        if name != "manifest.json":
            return data
        manifest = json.loads(data)
        del manifest["digests"]["vault.ndjson"]
        for field in ("archives", "classes", "stays", "gone"):
            del manifest[field]
        return json.dumps(manifest | {"format": "gas-backup-1"}).encode()

    store = begun_store(tmp_path / "store")
    store.files.put("results/a", b"a")
    store.write(tmp_path / "a.tar")
    rewritten(tmp_path / "a.tar", as_before)
    again = empty_store(tmp_path / "new")
    again.restore(tmp_path / "a.tar")
    assert again.files.first_bytes("results/a", 9) == b"a"


@pytest.mark.parametrize("strange", ["../../stolen", "", "a/b", "."])
def test_no_archive_leaves_the_vaults_folder(tmp_path: Path, strange: str) -> None:
    vault = Vault("v", VaultBook(tmp_path / "vault"))
    with pytest.raises(BackupRefused, match="damaged"):
        vault.check([strange])


def test_an_altered_archive_moves_as_it_is(tmp_path: Path) -> None:
    """Whoever retrieves it finds out; the rest of the backup must be there."""
    vault = Vault("v", VaultBook(tmp_path / "vault"))
    (tmp_path / "content").write_bytes(b"other")
    row = {"id": "a", "vault": "v", "description": "", "bytes": 5, "tree": "00", "created": 1.0}
    vault.adopt(row, tmp_path / "content")
    store = replace(begun_store(tmp_path / "store"), vault=vault)
    assert store.write(tmp_path / "a.tar").archives == 1
    there = Vault("elsewhere", VaultBook(tmp_path / "vault there"))
    again = replace(empty_store(tmp_path / "new"), vault=there)
    again.restore(tmp_path / "a.tar")
    assert there.archives() == [row | {"vault": "elsewhere"}]
    with there.content("a") as stream:
        assert stream.read() == b"other"


@pytest.mark.parametrize(
    ("stays", "sentence"),
    [
        ({}, None),
        (
            {"a": "vault gas-results"},
            "1 archived result stays in cold storage (vault gas-results); the backup refers to it.",
        ),
        (
            {"a": "vault v", "b": "bucket f, class GLACIER", "c": "bucket f, class GLACIER"},
            (
                "3 archived results stay in cold storage (bucket f, class GLACIER; vault v);"
                " the backup refers to them."
            ),
        ),
    ],
)
def test_one_sentence_says_what_stays(stays: dict[str, str], sentence: str | None) -> None:
    said = told(Manifest(events=1, records=2, files=3, stays=stays)).splitlines()
    assert said == ["1 events, 2 records, 3 files", *([sentence] if sentence else [])]
