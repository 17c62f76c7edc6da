"""How many jobs there are in each state, for metrics; deleted jobs are not counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from uuid import UUID

from domain.job import Job
from domain.log import LoggedEvent
from domain.ports import Change, Put, Remove, Views
from domain.service import AnnotationService

STATUS_COUNTS = "status_counts"  # pk "status", sk status: jobs


class StatusCounts:
    """A batch moves each of its jobs from the state before it to the state at its end."""

    name = STATUS_COUNTS

    def __init__(self, service: AnnotationService, views: Views) -> None:
        self._service = service
        self._views = views

    def changes(self, batch: Sequence[LoggedEvent]) -> list[Change]:
        moved: Counter[str] = Counter()
        for job_id, first, last in spans(batch):
            moved[self._status(job_id, last)] += 1
            moved[self._status(job_id, first - 1)] -= 1
        return [self._row(s, self._count(s) + n) for s, n in moved.items() if s and n]

    def _row(self, status: str, jobs: int) -> Change:
        """No row for none: so the rows do not depend on how the log was cut into batches."""
        if jobs == 0:
            return Remove("status", status)
        return Put("status", status, {"jobs": jobs})

    def _status(self, job_id: UUID, version: int) -> str:
        """The state at a version; empty where the job is not yet, or no longer."""
        if version == 0:
            return ""
        job = self._service.job(job_id, at_least=version, version=version)
        return "" if job.deleted else job.work

    def _count(self, status: str) -> int:
        row = self._views.get(STATUS_COUNTS, "status", status)
        return row["jobs"] if row else 0


def spans(batch: Sequence[LoggedEvent]) -> Iterator[tuple[UUID, int, int]]:
    """Each job of a batch with its first and last version there."""
    versions: dict[UUID, list[int]] = {}
    for logged in batch:
        if isinstance(logged.event, Job.Event):
            versions.setdefault(logged.aggregate_id, []).append(logged.version)
    for job_id, seen in versions.items():
        yield job_id, min(seen), max(seen)
