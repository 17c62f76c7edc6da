"""Results in a Glacier vault (port ``Archive``).

The vault knows nothing of idempotency: an upload that is repeated after a crash leaves an archive
nobody recorded, which an inventory shows. Descriptions name job and attempt.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO
from uuid import UUID

from adapters.vault_upload import LEAST_PART, VaultUpload
from domain.errors import NotFound, WrongState
from domain.ports import (
    ArchiveFailed,
    ArchiveRef,
    ColdFile,
    ObjectHead,
    ObjectStore,
    Retrieval,
    RetrievalState,
)

if TYPE_CHECKING:
    from mypy_boto3_glacier import GlacierClient

BACKEND, VAULT = "glacier_vault", "VAULT"
TIERS = ("Expedited", "Standard")
TAKES: Mapping[str, timedelta] = {
    "Expedited": timedelta(minutes=5),
    "Standard": timedelta(hours=5),
}
CAPACITY = "InsufficientCapacityException"
MISSING = "ResourceNotFoundException"
READABLE = "STANDARD"
CHUNK_BYTES = 2**20
STATES = {
    "InProgress": RetrievalState.RUNNING,
    "Succeeded": RetrievalState.READY,
    "Failed": RetrievalState.FAILED,
}


@dataclass(frozen=True, slots=True)
class Listed:
    """An archive as an inventory lists it; ``job`` and ``attempt`` are None for none of ours."""

    archive_id: str
    created: datetime
    job: UUID | None
    attempt: int | None


class GlacierVaultArchive:
    """Archives in one vault; ``files`` is the bucket the results live in.

    The vault is made when it is first missed. ``topic_arn`` gives the topic that is told when a
    retrieval is complete (with no message attributes). ``scratch`` holds a retrieved file until its
    digest was compared. ``client`` should try a refused request few times.
    """

    def __init__(
        self,
        client: GlacierClient,
        vault: str,
        files: ObjectStore,
        *,
        now: Callable[[], datetime],
        topic_arn: Callable[[], str] = str,
        scratch: Path | None = None,
        least_part: int = LEAST_PART,
    ) -> None:
        self._glacier = client
        self._vault = vault
        self._files = files
        self._now = now
        self._topic_arn = topic_arn
        self._scratch = scratch
        self._upload = VaultUpload(client, vault, least_part)

    def store(self, file: ColdFile) -> ArchiveRef:
        """As the port says; the bytes are compared with the event's digest on their way."""
        with _translated(), self._source(file) as source:
            archive = self._upload.send(source, file, description(file))
        return ArchiveRef(BACKEND, VAULT, archive, file.bytes, file.sha256)

    def _source(self, file: ColdFile) -> BinaryIO:
        try:
            return self._files.open(file.key, if_match=file.etag)
        except NotFound as error:
            raise ArchiveFailed("source_missing", str(error), retryable=False) from error
        except WrongState as error:
            raise ArchiveFailed("source_changed", str(error), retryable=False) from error

    @property
    def in_place(self) -> bool:
        return False

    def source_is_live(self, file: ColdFile) -> bool:
        head = self._files.head(file.key)
        return head is not None and head.storage_class == READABLE

    def remove_source(self, file: ColdFile) -> None:
        self._files.delete([file.key])

    def retrieve(self, ref: ArchiveRef, file: ColdFile) -> Retrieval:
        with _translated():
            if found := self._under_way(ref):
                return self._retrieval(found["JobId"], found["Tier"])
            for tier in TIERS:
                if job := self._ask(ref, file, tier, last=tier == TIERS[-1]):
                    return self._retrieval(job, tier)
        raise AssertionError("the last tier either answers or raises")

    def state(self, ref: ArchiveRef, file: ColdFile, retrieval_id: str) -> RetrievalState:
        return self._state(retrieval_id)

    def bring_back(
        self, ref: ArchiveRef, file: ColdFile, retrieval_id: str, *, to: str
    ) -> ObjectHead:
        if self._scratch:
            self._scratch.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self._scratch) as folder:
            path = Path(folder) / "retrieved"
            try:
                with _translated():
                    answer = self._glacier.get_job_output(vaultName=self._vault, jobId=retrieval_id)
            except _Missing as error:
                raise ArchiveFailed("retrieval_gone", "Its output has expired.") from error
            if _saved(answer["body"], path) != file.sha256:
                raise ArchiveFailed("archive_altered", "Its digest differs.", retryable=False)
            return self._files.upload(to, path)

    def discard(self, ref: ArchiveRef, file: ColdFile) -> None:
        self.delete_archive(ref.archive_id)

    # --- inventory -------------------------------------------------------------------------------

    def ask_for_inventory(self) -> str:
        """The id of a job that lists the vault, hours later on AWS."""
        with _translated():
            return self._glacier.initiate_job(
                vaultName=self._vault, jobParameters={"Type": "inventory-retrieval"}
            )["jobId"]

    def inventory_state(self, job: str) -> RetrievalState:
        """How far it is; ``GONE`` after a day."""
        return self._state(job)

    def inventory(self, job: str) -> list[Listed]:
        """What was in the vault when a complete inventory was taken, which may be a day ago."""
        with _translated():
            answer = self._glacier.get_job_output(vaultName=self._vault, jobId=job)
        return [_listed(row) for row in json.loads(answer["body"].read())["ArchiveList"]]

    def delete_archive(self, archive_id: str) -> None:
        """Delete an archive for good; no error when it is gone."""
        with suppress(_Missing), _translated():
            self._glacier.delete_archive(vaultName=self._vault, archiveId=archive_id)

    # --- retrieval -------------------------------------------------------------------------------

    def _state(self, job_id: str) -> RetrievalState:
        try:
            with _translated():
                job = self._glacier.describe_job(vaultName=self._vault, jobId=job_id)
        except _Missing:
            return RetrievalState.GONE
        return STATES[job["StatusCode"]]

    def _under_way(self, ref: ArchiveRef) -> Mapping[str, Any] | None:
        """A retrieval of this very archive that runs or whose output is there."""
        pages = self._glacier.get_paginator("list_jobs").paginate(
            accountId="-", vaultName=self._vault
        )
        for page in pages:
            for job in page["JobList"]:
                if job.get("ArchiveId") == ref.archive_id and job["StatusCode"] != "Failed":
                    return job
        return None

    def _ask(self, ref: ArchiveRef, file: ColdFile, tier: str, *, last: bool) -> str:
        """The retrieval's id; empty when capacity is refused and a tier is left."""
        from botocore.exceptions import ClientError

        arn = self._topic_arn()
        topic = {"SNSTopic": arn} if arn else {}
        try:
            return self._glacier.initiate_job(
                vaultName=self._vault,
                jobParameters={
                    "Type": "archive-retrieval",
                    "ArchiveId": ref.archive_id,
                    "Description": description(file),
                    "Tier": tier,
                    **topic,  # type: ignore[typeddict-item]
                },
            )["jobId"]
        except ClientError as error:
            if error.response["Error"]["Code"] == CAPACITY and not last:
                return ""
            raise

    def _retrieval(self, job: str, tier: str) -> Retrieval:
        return Retrieval(job, TIERS[0], tier, self._now() + TAKES[tier])


def description(file: ColdFile) -> str:
    """What an archive and its retrievals are called in the vault."""
    return f"{file.job_id}/{file.attempt}"


def _listed(row: Mapping[str, Any]) -> Listed:
    archive, created = row["ArchiveId"], datetime.fromisoformat(row["CreationDate"])
    job, _, attempt = str(row.get("ArchiveDescription") or "").partition("/")
    try:
        return Listed(archive, created, UUID(job), int(attempt))
    except ValueError:
        return Listed(archive, created, None, None)


def _saved(stream: Any, path: Path) -> str:
    """The SHA-256 of what was written."""
    digest = hashlib.sha256()
    with path.open("wb") as out:
        for chunk in stream.iter_chunks(CHUNK_BYTES):
            digest.update(chunk)
            out.write(chunk)
    return digest.hexdigest()


class _Missing(ArchiveFailed):
    """Nothing of that id, or not any more: an archive was deleted, a retrieval's output expired."""


@contextmanager
def _translated() -> Iterator[None]:
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code == MISSING:
            raise _Missing("archive_missing", str(error), retryable=False) from error
        raise ArchiveFailed("vault_refused", f"The vault answered {code}.") from error
    except (BotoCoreError, OSError) as error:
        raise ArchiveFailed("vault_unreachable", f"No answer: {error}") from error
