"""Bringing the results of owners who pay back from the cold."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from domain.due import Step
from domain.job import Job
from domain.job_events import FileRef
from domain.outlook import Outlook
from domain.ports import Archive, ArchiveFailed, RetrievalState
from domain.service import AnnotationService
from domain.stored_job import NO_LONGER_PREMIUM, StoredJob


@dataclass(frozen=True)
class Restoring:
    """One method a step. The archive stays until the restored copy is recorded."""

    service: AnnotationService
    archive: Archive
    outlook: Outlook

    @property
    def steps(self) -> Mapping[Step, Callable[[Job], None]]:
        return {
            Step.THAW: self.thaw,
            Step.RETRIEVE: self.retrieve,
            Step.CANCEL_THAW: self.cancel,
            Step.BRING_BACK: self.look,
        }

    def thaw(self, job: Job) -> None:
        attempt = job.storage_attempt + 1
        self._move(job, lambda job: job.request_thaw(attempt=attempt, reason="premium"))

    def cancel(self, job: Job) -> None:
        self._give_up(job, NO_LONGER_PREMIUM, retryable=True)

    def retrieve(self, job: Job) -> None:
        """Ask for the file; one that is under way is found by the archive, not asked for again."""
        try:
            retrieval = self.archive.retrieve(job.archive_ref, job.cold_file())
        except ArchiveFailed as failure:
            self._give_up(job, failure.code, retryable=failure.retryable)
            return
        self._move(
            job,
            lambda now: now.record_thaw_started(attempt=job.storage_attempt, retrieval=retrieval),
        )

    def look(self, job: Job) -> None:
        """See how far the retrieval is, and go on from there."""
        try:
            state = self.archive.state(job.archive_ref, job.cold_file(), job.retrieval or "")
        except ArchiveFailed as failure:
            if failure.retryable:
                raise
            self._give_up(job, failure.code, retryable=False)
            return
        match state:
            case RetrievalState.RUNNING:
                self.outlook.looked(job.id)
            case RetrievalState.READY:
                self._bring_back(job)
            case RetrievalState.GONE:
                self.retrieve(job)
                self.outlook.looked(job.id)
            case RetrievalState.FAILED:
                self._give_up(job, "retrieval_failed", retryable=True)

    def _bring_back(self, job: Job) -> None:
        file = job.cold_file()
        try:
            head = self.archive.bring_back(
                job.archive_ref, file, job.retrieval or "", to=job.restored_key()
            )
        except ArchiveFailed as failure:
            self._give_up(job, failure.code, retryable=failure.retryable)
            return
        result = FileRef(key=head.key, bytes=head.bytes, sha256=file.sha256, etag=head.etag)
        self._move(job, lambda now: now.record_restored(attempt=job.storage_attempt, result=result))

    def _give_up(self, job: Job, reason: str, *, retryable: bool) -> None:
        self._move(
            job,
            lambda now: now.record_thaw_failure(
                attempt=job.storage_attempt, reason=reason, retryable=retryable
            ),
        )

    def _move(self, job: Job, command: Callable[[StoredJob], None]) -> None:
        self.service.store_result(job.id, command)
