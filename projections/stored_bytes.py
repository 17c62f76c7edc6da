"""How many bytes of files each owner has with us, archived ones too."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from uuid import UUID

from domain.job import Job
from domain.log import LoggedEvent
from domain.ports import Change, Put, Views
from domain.service import AnnotationService
from projections.status_counts import spans

STORED_BYTES = "stored_bytes"  # pk owner: bytes


class StoredBytes:
    """A batch moves each of its jobs' owners by what the job's files have grown or shrunk."""

    name = STORED_BYTES

    def __init__(self, service: AnnotationService, views: Views) -> None:
        self._service = service
        self._views = views

    def changes(self, batch: Sequence[LoggedEvent]) -> list[Change]:
        grown: Counter[str] = Counter()
        for job_id, first, last in spans(batch):
            job = self._job(job_id, last)
            before = bytes_of(self._job(job_id, first - 1)) if first > 1 else 0
            grown[str(job.owner)] += bytes_of(job) - before
        return [Put(o, "", {"bytes": stored_bytes(self._views, o) + n}) for o, n in grown.items()]

    def _job(self, job_id: UUID, version: int) -> Job:
        return self._service.job(job_id, at_least=version, version=version)


def stored_bytes(views: Views, owner: UUID | str) -> int:
    """What the owner has with us, as far as the view has seen."""
    row = views.get(STORED_BYTES, str(owner))
    return int(row["bytes"]) if row else 0


def bytes_of(job: Job) -> int:
    """Of all files the job's events name; none of a job that leaves."""
    if job.deletion_requested:
        return 0
    files = dict(job.outcome["files"]) if job.outcome else {}
    if job.log:
        files["log"] = job.log
    kept = 0 if job.input_removed else int(job.input["bytes"])
    return kept + sum(int(file["bytes"]) for file in files.values())
