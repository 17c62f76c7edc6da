"""Removing what a job leaves behind: its files and names; the log keeps that it happened."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from domain.context import acting
from domain.due import Situation, Step, next_step
from domain.leases import Leases
from domain.ports import ObjectStore, Records
from domain.service import AnnotationService
from projections.attempt import PROGRESS

LABEL = "label"  # records: pk job id -> filename, label: what its person calls it


@dataclass(frozen=True)
class ErasureWork:
    """What the ``erasure`` queue's hints lead to. Every step may be repeated."""

    service: AnnotationService
    records: Records
    leases: Leases
    files: ObjectStore
    clock: Callable[[], datetime]
    worker: str

    def attend(self, job_id: UUID, *, at_least: int, stopping: Callable[[], bool]) -> None:
        """Purge the job when that is due; while somebody works on it the sweeper comes back."""
        job = self.service.job(job_id, at_least=at_least)
        situation = Situation(job, self.clock(), leased=self.leases.is_held(job_id))
        if next_step(situation) is Step.PURGE:
            with acting(f"worker:{self.worker}", correlation_id=job.correlation_id):
                self.service.record_deletion(job_id, removed={"files": self._purge(job_id)})

    def _purge(self, job_id: UUID) -> int:
        keys = [
            head.key
            for prefix in (f"inputs/{job_id}", f"results/{job_id}/")
            for head in self.files.list(prefix)
        ]
        self.files.delete(keys)
        self.records.delete(LABEL, str(job_id))
        self.records.delete(PROGRESS, str(job_id))
        return len(keys)
