"""The views of jobs: a row is the job as it stood at its version, so a view *is* replay."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from domain.due import is_open
from domain.job import Job
from domain.log import LoggedEvent
from domain.plans import Policy
from domain.ports import Change, Put, Remove, Views
from domain.service import AnnotationService
from domain.subscription import Subscription
from projections.status_counts import StatusCounts
from projections.storage_due import StorageDue
from projections.stored_bytes import StoredBytes

JOBS = "jobs"  # pk "job", sk id: the row; pk "owner:<id>", sk submitted+id: the row, for lists
OPEN_WORK = "open_work"  # pk "open", sk id: owner, submitted_at, work
OWNER_EVENTS = "owner_events"  # pk owner, and pk "of:<aggregate>"; sk position: nothing more
USAGE = "usage"  # pk owner, sk day: jobs submitted that day


class View(Protocol):
    """A read model: what a batch of events changes in its rows. Pure but for what it reads."""

    @property
    def name(self) -> str: ...
    def changes(self, batch: Sequence[LoggedEvent]) -> list[Change]: ...


def job_row(job: Job) -> dict[str, Any]:
    """A job in JSON values, for pages, API and command line; names of persons' files are not in it.

    Times are ISO 8601 UTC, sizes bytes, digests SHA-256 in hex; ``files`` has the storage keys and
    is not for the outside.
    """
    outcome = job.outcome or {}
    files: dict[str, Any] = dict(outcome.get("files", {}))
    if job.log:
        files["log"] = job.log
    if job.result:
        files["result"] = job.result
    return {
        "id": str(job.id),
        "owner": str(job.owner),
        "version": job.version,
        "status": job.work,
        "storage": job.storage,
        "stored": stored_row(job),
        "reference": job.reference,
        "options": job.options,
        "submitted_at": job.created_on.isoformat(),
        "started_at": _iso(job.started_at),
        "completed_at": _iso(job.finished_at),
        "attempt": job.attempt,
        "input": {**job.input, "sha256": outcome.get("input_sha256")},
        "files": files,
        "summary": {k: v for k, v in outcome.items() if k not in {"files", "input_sha256"}} or None,
        "failure": job.failure,
        "provenance": job.provenance,
        "deletion_requested": job.deletion_requested,
        "deleted": job.deleted,
    }


def stored_row(job: Job) -> dict[str, Any]:
    """Where the result is, in JSON values; ``archive`` has storage keys, not for the outside."""
    return {
        "archives_at": _iso(job.archive_due),
        "archived_at": _iso(job.archived_at),
        "archive": job.archive,
        "source_removed": job.source_removed,
        "thaw_requested": job.storage == "thawing",
        "expected_by": _iso(job.expected_by) if job.storage == "thawing" else None,
        "thaw_failure": job.thaw_failure,
        "input_removed": job.input_removed,
    }


class JobRows:
    """My jobs and every job by id."""

    name = JOBS

    def __init__(self, service: AnnotationService) -> None:
        self._service = service

    def changes(self, batch: Sequence[LoggedEvent]) -> list[Change]:
        return [change for job in _jobs(self._service, batch) for change in self._rows(job)]

    def _rows(self, job: Job) -> Iterator[Change]:
        row = job_row(job)
        owner_key = f"owner:{job.owner}"
        list_key = f"{row['submitted_at']}|{row['id']}"
        yield Put("job", row["id"], row)
        if job.deletion_requested:
            yield Remove(owner_key, list_key)
        else:
            yield Put(owner_key, list_key, row)


class OpenWork:
    """Every job for which something may still become due: where the sweeper looks."""

    name = OPEN_WORK

    def __init__(self, service: AnnotationService) -> None:
        self._service = service

    def changes(self, batch: Sequence[LoggedEvent]) -> list[Change]:
        return [self._row(job) for job in _jobs(self._service, batch)]

    def _row(self, job: Job) -> Change:
        if not is_open(job):
            return Remove("open", str(job.id))
        row = {
            "owner": str(job.owner),
            "work": job.work,
            "submitted_at": job.created_on.isoformat(),
        }
        return Put("open", str(job.id), row)


class OwnerEvents:
    """The positions of each owner's and each aggregate's events: no feed scans everybody's."""

    name = OWNER_EVENTS

    def __init__(self, service: AnnotationService) -> None:
        self._service = service

    def changes(self, batch: Sequence[LoggedEvent]) -> list[Change]:
        owners = {job.id: job.owner for job in _jobs(self._service, batch)}
        owners |= _payers(self._service, batch)
        return [
            Put(key, f"{e.position:020d}", {})
            for e in batch
            for key in (str(owners.get(e.aggregate_id, e.aggregate_id)), f"of:{e.aggregate_id}")
        ]


class Usage:
    """How many jobs each owner submitted on each day (UTC)."""

    name = USAGE

    def __init__(self, views: Views) -> None:
        self._views = views

    def changes(self, batch: Sequence[LoggedEvent]) -> list[Change]:
        counts: dict[tuple[str, str], int] = {}
        for owner, day in _submissions(batch):
            before = counts.get((owner, day))
            if before is None:
                before = (self._views.get(USAGE, owner, day) or {"jobs": 0})["jobs"]
            counts[owner, day] = before + 1
        return [Put(owner, day, {"jobs": jobs}) for (owner, day), jobs in counts.items()]


def all_views(service: AnnotationService, views: Views, policy: Policy) -> tuple[View, ...]:
    """Every view there is; each follows the log on its own."""
    return (
        JobRows(service),
        OpenWork(service),
        StorageDue(service, views, policy),
        OwnerEvents(service),
        Usage(views),
        StatusCounts(service, views),
        StoredBytes(service, views),
    )


def _jobs(service: AnnotationService, batch: Iterable[LoggedEvent]) -> Iterator[Job]:
    """Each job that the batch touches, as it stood at its last event there."""
    last = {e.aggregate_id: e.version for e in batch if isinstance(e.event, Job.Event)}
    for job_id, version in last.items():
        yield service.job(job_id, at_least=version, version=version)


def _payers(service: AnnotationService, batch: Iterable[LoggedEvent]) -> dict[UUID, UUID]:
    """Whose each subscription of the batch is: its id is not its user's."""
    last = {e.aggregate_id: e.version for e in batch if isinstance(e.event, Subscription.Event)}
    return {i: service.subscription_at(i, v, at_least=v).user for i, v in last.items()}


def _submissions(batch: Iterable[LoggedEvent]) -> Iterator[tuple[str, str]]:
    for logged in batch:
        if isinstance(logged.event, Job.Created):
            owner: UUID = logged.event.owner
            yield str(owner), logged.event.timestamp.date().isoformat()


def _iso(time: datetime | None) -> str | None:
    return time.isoformat() if time else None
