"""Where the sweeper looks for work on stored files: jobs in the order of when to look at them.

A change of the owner's subscription moves all of the owner's jobs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from domain.due import Situation, next_look
from domain.job import FINISHED, Job
from domain.job_events import JobEvent
from domain.log import LoggedEvent
from domain.plans import Policy
from domain.ports import Change, Put, Remove, Views
from domain.service import AnnotationService
from domain.subscription import NEVER_PAID, Standing, Subscription

# pk "due", sk time|job: {}; pk "owner:<id>", sk job: at, restoring;
# pk "standing", sk owner: paid, until; pk "restoring", sk owner|submitted|job: as fair_order wants
STORAGE_DUE = "storage_due"
RESTORING = "restoring"
OWNERS_AT_ONCE, JOBS_OF_EACH = 20, 8  # looked at to see whose turn it is
ROWS = 2  # counts up when rows get another shape: then the view is made anew


class StorageDue:
    """One row a job that has files; it says from when on anything may be due for it."""

    name = STORAGE_DUE

    def __init__(self, service: AnnotationService, views: Views, policy: Policy) -> None:
        self._service = service
        self._views = views
        self._policy = policy

    def changes(self, batch: Sequence[LoggedEvent]) -> list[Change]:
        jobs = self._finished(batch)
        standings = self._standings(batch)
        for owner in standings:
            for sk, _ in self._views.query(STORAGE_DUE, f"owner:{owner}"):
                jobs.setdefault(UUID(sk), self._service.job(UUID(sk)))
        changes: list[Change] = [
            Put("standing", owner, _standing_row(standing)) for owner, standing in standings.items()
        ]
        for job in jobs.values():
            changes += self._move(job, standings.get(str(job.owner)))
        return changes

    def _move(self, job: Job, standing: Standing | None) -> Iterator[Change]:
        owner = f"owner:{job.owner}"
        standing = standing or self._standing(str(job.owner))
        before = self._views.get(STORAGE_DUE, owner, str(job.id))
        at, restoring = self._look(job, standing), _is_to_come_back(job, standing)
        if before and before["at"] and before["at"] != at:
            yield Remove("due", f"{before['at']}|{job.id}")
        if before and before.get("restoring") and not restoring:
            yield Remove(RESTORING, _in_line(job))
        if job.deletion_requested:
            yield Remove(owner, str(job.id))
            return
        yield Put(owner, str(job.id), {"at": at, "restoring": restoring})
        if at:
            yield Put("due", f"{at}|{job.id}", {})
        if restoring:
            yield Put(RESTORING, _in_line(job), restoring_row(job))

    def _look(self, job: Job, standing: Standing) -> str:
        """A time that sorts as text; empty while only a command helps."""
        if job.deletion_requested:
            return ""
        look = next_look(Situation(job, standing, self._policy))
        return look.isoformat() if look else ""

    def _finished(self, batch: Sequence[LoggedEvent]) -> dict[UUID, Job]:
        """The batch's jobs that need no more annotation, as they stood at their last event."""
        last = {e.aggregate_id: e.version for e in batch if isinstance(e.event, JobEvent)}
        jobs = (self._service.job(i, at_least=v, version=v) for i, v in last.items())
        return {job.id: job for job in jobs if job.work in FINISHED or job.deletion_requested}

    def _standings(self, batch: Sequence[LoggedEvent]) -> dict[str, Standing]:
        last = {e.aggregate_id: e.version for e in batch if isinstance(e.event, Subscription.Event)}
        found = (self._service.subscription_at(i, v) for i, v in last.items())
        return {str(each.user): each.standing for each in found}

    def _standing(self, owner: str) -> Standing:
        row = self._views.get(STORAGE_DUE, "standing", owner)
        return _standing_of(row) if row else NEVER_PAID


def made_under(policy: Policy) -> str:
    """What the rows depend on beside the log."""
    return f"{policy!r}, rows {ROWS}"


def restoring(views: Views, beside: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """What is to come back to others than one owner: ids and rows as ``fair_order`` wants them.

    Of each the oldest few, and of the owners those who follow in a ring: what it costs does not
    depend on how much there is.
    """
    at, round_again = _behind(beside), False
    for _ in range(OWNERS_AT_ONCE):
        rows = views.query(STORAGE_DUE, RESTORING, after=at, limit=JOBS_OF_EACH)
        if not rows and not round_again:
            rows = views.query(STORAGE_DUE, RESTORING, limit=JOBS_OF_EACH)
            round_again = True
        owner = rows[0][1]["owner"] if rows else beside
        if round_again and owner >= beside:
            return
        yield from ((sk.split("|")[2], row) for sk, row in rows if row["owner"] == owner)
        at = _behind(owner)


def restoring_row(job: Job) -> dict[str, Any]:
    return {
        "owner": str(job.owner),
        "work": job.storage,
        "submitted_at": job.created_on.isoformat(),
    }


def _in_line(job: Job) -> str:
    return f"{job.owner}|{job.created_on.isoformat()}|{job.id}"


def _behind(owner: str) -> str:
    """Beyond all of an owner's rows."""
    return f"{owner}~"


def _is_to_come_back(job: Job, standing: Standing) -> bool:
    if job.deletion_requested:
        return False
    return job.storage == "thawing" or (job.storage == "archived" and standing.paid)


def due_by(views: Views, now: datetime, *, after: str = "", limit: int) -> tuple[list[UUID], str]:
    """Jobs to look at by now, the longest waiting first, and where the next page begins.

    Rows may stay at the front although nothing is due (a retrieval that takes hours, a payment
    long overdue), so whoever looks goes round page by page; empty is the beginning.
    """
    rows = views.query(STORAGE_DUE, "due", after=after, limit=limit)
    due = [sk for sk, _ in rows if sk.split("|")[0] <= now.isoformat()]
    there_is_more = len(due) == limit
    return [UUID(sk.split("|")[1]) for sk in due], due[-1] if there_is_more else ""


def _standing_row(standing: Standing) -> dict[str, Any]:
    until = standing.until.isoformat() if standing.until else None
    return {"paid": standing.paid, "until": until}


def _standing_of(row: dict[str, Any]) -> Standing:
    until = row["until"]
    return Standing(row["paid"], datetime.fromisoformat(until) if until else None)
