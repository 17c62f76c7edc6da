"""Removing what a job leaves behind: its files and names; the log keeps that it happened."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from domain.context import acting
from domain.due import Step
from domain.job import Job
from domain.outlook import LOOKED, Outlook
from domain.ports import Archive, ObjectStore, Records, VariantTables
from domain.service import AnnotationService
from projections.attempt import PROGRESS
from projections.storage import ARMED

LABEL = "label"  # records: pk job id -> filename, label: what its person calls it; upload: a key
IDEMPOTENCY = "idempotency"  # records: pk user, sk digest of the key -> request, until, answer


@dataclass(frozen=True)
class ErasureWork:
    """What the ``erasure`` queue's hints lead to. Every step may be repeated."""

    service: AnnotationService
    records: Records
    outlook: Outlook
    archive: Archive
    files: ObjectStore
    uploads: ObjectStore
    tables: VariantTables
    worker: str

    def attend(self, job_id: UUID, *, at_least: int, stopping: Callable[[], bool]) -> None:
        """Purge the job when that is due; while somebody works on it the sweeper comes back."""
        job = self.service.job(job_id, at_least=at_least)
        if self.outlook.due(job_id) is Step.PURGE:
            with acting(f"worker:{self.worker}", correlation_id=job.correlation_id):
                self.service.record_deletion(job_id, removed={"files": self._purge(job)})

    def _purge(self, job: Job) -> int:
        job_id = job.id
        if job.archive:
            self.archive.discard(job.archive_ref, job.cold_file())
        keys = [
            head.key
            for prefix in (f"inputs/{job_id}", f"results/{job_id}/")
            for head in self.files.list(prefix)
        ]
        self.files.delete(keys)
        if table := (job.outcome or {"files": {}})["files"].get("table"):
            self.tables.forget(table["sha256"])
        self._purge_names(job_id)
        for kind in (PROGRESS, LOOKED, ARMED):
            self.records.delete(kind, str(job_id))
        return len(keys)

    def _purge_names(self, job_id: UUID) -> None:
        """The names last: they say where the upload is, which a crash may have left."""
        label = self.records.get(LABEL, str(job_id))
        if label is not None and "upload" in label.value:
            self.uploads.delete([label.value["upload"]])
        owner = str(self.service.job(job_id).owner)
        for record in self.records.query(IDEMPOTENCY, owner):
            if str(job_id) in str(record.value.get("answer", "")):
                self.records.delete(IDEMPOTENCY, owner, record.sk)
        self.records.delete(LABEL, str(job_id))
