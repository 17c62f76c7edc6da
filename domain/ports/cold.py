"""Cold storage of results."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol
from uuid import UUID

from domain.ports.files import ObjectHead


@dataclass(frozen=True, slots=True)
class ColdFile:
    """One result file as its job's events describe it; ``etag`` pins the bytes in the store."""

    job_id: UUID
    attempt: int
    key: str
    bytes: int
    sha256: str
    etag: str


@dataclass(frozen=True, slots=True)
class ArchiveRef:
    """Where an archived file is. JSON values only, because it is part of an event."""

    backend: str  # "s3_glacier" or "glacier_vault"
    storage_class: str  # GLACIER, DEEP_ARCHIVE, GLACIER_IR, or VAULT
    archive_id: str  # the object's key, or the vault's archive id
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Retrieval:
    """A retrieval that was asked for; ``tier_got`` differs from ``tier_asked`` when refused."""

    id: str
    tier_asked: str
    tier_got: str
    expected_by: datetime


class RetrievalState(StrEnum):
    """How far a retrieval is; ``GONE``: none is under way and no output is there (any more)."""

    RUNNING = "running"
    READY = "ready"
    GONE = "gone"
    FAILED = "failed"


class ArchiveFailed(Exception):
    """A step of archive or restore cannot be done now; nothing was deleted.

    ``code`` is stable (``source_missing``, ``source_changed``, ``archive_missing``,
    ``archive_altered``, ``retrieval_failed``, …); ``retryable`` says whether trying again may help.
    """

    def __init__(self, code: str, detail: str = "", *, retryable: bool = True) -> None:
        self.code = code
        self.retryable = retryable
        super().__init__(detail or code)


class Archive(Protocol):
    """Cold storage of result files. Every method may be repeated after a crash at any point."""

    @property
    def in_place(self) -> bool:
        """Whether ``store`` moves the very file, so that nobody can take it back half-way."""

    def store(self, file: ColdFile) -> ArchiveRef:
        """Archive the file and check it; ``ArchiveFailed`` when the source is not as recorded.

        Where the copy is the removal (a storage class), finding it done is done.
        """

    def source_is_live(self, file: ColdFile) -> bool:
        """Whether a directly readable copy still lies in the store beside the archive."""

    def remove_source(self, file: ColdFile) -> None:
        """Remove the readable copy; no error when it is gone."""

    def retrieve(self, ref: ArchiveRef, file: ColdFile) -> Retrieval:
        """Ask for the file back, quickest tier first, the next one only when capacity is refused.

        A retrieval that is already under way is found rather than asked for again.
        """

    def state(self, ref: ArchiveRef, file: ColdFile, retrieval_id: str) -> RetrievalState: ...
    def bring_back(
        self, ref: ArchiveRef, file: ColdFile, retrieval_id: str, *, to: str
    ) -> ObjectHead:
        """Copy a ready retrieval to the key ``to``, readable again, after comparing its SHA-256.

        ``ArchiveFailed`` (``archive_altered``) when it differs; the archive is left as it is.
        """

    def discard(self, ref: ArchiveRef, file: ColdFile) -> None:
        """Delete an archive whose file is back elsewhere, or not wanted; no error when it is gone.

        What is readable is never deleted.
        """
