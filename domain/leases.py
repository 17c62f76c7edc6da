"""Leases: at most one worker is at a job, and a dead one frees it by falling silent."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from domain.ports import Conflict, Record, Records

KIND = "lease"
LEASE = timedelta(seconds=30)
RENEW_EVERY = timedelta(seconds=10)


@dataclass(frozen=True, slots=True)
class Lease:
    """What a worker holds: ``worker`` is one thread of one process, ``attempt`` what it will be."""

    job_id: UUID
    attempt: int
    worker: str


class Leases:
    """Taken, renewed and released by conditional writes only."""

    def __init__(
        self, records: Records, *, clock: Callable[[], datetime], length: timedelta = LEASE
    ) -> None:
        self._records = records
        self._clock = clock
        self._length = length

    def is_held(self, job_id: UUID) -> bool:
        """Whether somebody's lease on the job is still alive."""
        record = self._records.get(KIND, str(job_id))
        return record is not None and self._alive(record)

    def take(self, job_id: UUID, *, attempt: int, worker: str) -> Lease | None:
        """The lease, or None when somebody holds it or was faster."""
        record = self._records.get(KIND, str(job_id))
        if record is not None and self._alive(record):
            return None
        lease = Lease(job_id, attempt, worker)
        return lease if self._write(lease, record.revision if record else 0) else None

    def renew(self, lease: Lease) -> bool:
        """Hold it for another length; False when it was taken over meanwhile."""
        record = self._held(lease)
        return record is not None and self._write(lease, record.revision)

    def release(self, lease: Lease) -> None:
        """Free the job at once; one that was taken over is left alone."""
        record = self._held(lease)
        if record is None:
            return
        try:
            self._records.delete(KIND, str(lease.job_id), expected=record.revision)
        except Conflict:
            return

    def release_all(self) -> int:
        """Free every job; only for who knows that no worker lives (start on one machine)."""
        records = list(self._records.scan(KIND))
        for record in records:
            self._records.delete(KIND, record.pk)
        return len(records)

    def _alive(self, record: Record) -> bool:
        return self._clock() < datetime.fromisoformat(record.value["until"])

    def _held(self, lease: Lease) -> Record | None:
        record = self._records.get(KIND, str(lease.job_id))
        if record is None:
            return None
        holder = (record.value["attempt"], record.value["worker"])
        return record if holder == (lease.attempt, lease.worker) else None

    def _write(self, lease: Lease, revision: int) -> bool:
        value = {
            "attempt": lease.attempt,
            "worker": lease.worker,
            "until": (self._clock() + self._length).isoformat(),
        }
        try:
            self._records.put(KIND, str(lease.job_id), value=value, expected=revision)
        except Conflict:
            return False
        return True
