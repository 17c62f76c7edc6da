"""What happened to a job, and how it stood at any moment: one answer for pages, API and commands.

A moment is a version (a number of events) or a time. How a job stood is replayed from the log and
holds nothing that can be erased: what its owner called it is not in the log.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from domain.errors import DomainError
from domain.job import Job
from domain.service import AnnotationService
from entrypoints.downloads import moment as sentence_time
from entrypoints.feed import Feed
from entrypoints.job_documents import facts_of
from projections.job_views import job_row

BETWEEN = ".."  # a comparison is written as two moments with this between them


class UnknownMoment(DomainError):
    """The job has no such version, or there was nothing of it yet."""

    code = "unknown_moment"


@dataclass(frozen=True, slots=True)
class PastState:
    """A job as it stood: ``version`` events had happened, the last of them at ``time`` (ISO)."""

    version: int
    time: str
    job: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Change:
    """One value that differs; ``field`` has a dot for each level, None is for *there is none*."""

    field: str
    before: Any
    after: Any


@dataclass(frozen=True, slots=True)
class Difference:
    """What is not the same at two moments, in the order of the job's document."""

    before: PastState
    after: PastState
    changes: list[Change]


@dataclass(frozen=True)
class JobHistory:
    """The past of the owner's own jobs, of deleted ones too; ``NotFound`` for all others."""

    service: AnnotationService
    feed: Feed

    def events(self, job_id: UUID, *, owner: UUID) -> list[dict[str, Any]]:
        """All that happened as CloudEvents, in order; the newest may take a moment to be there."""
        job = self.service.job(job_id, owner=owner)
        return self.feed.history(job.id, version=job.version)

    def state(self, job_id: UUID, moment: str, *, owner: UUID) -> PastState:
        """The job as it stood at a moment; ``UnknownMoment`` with a sentence."""
        job = self.service.job(job_id, owner=owner)
        return self._state(job, moment)

    def difference(self, job_id: UUID, between: str, *, owner: UUID) -> Difference:
        """What differs between two moments (``2..5``); ``UnknownMoment`` with a sentence."""
        job = self.service.job(job_id, owner=owner)
        first, dots, last = between.partition(BETWEEN)
        if not dots:
            raise UnknownMoment("Compare two versions of the job like this: 2..5.")
        before, after = self._state(job, first), self._state(job, last)
        return Difference(before, after, list(_changes(before.job, after.job)))

    def _state(self, job: Job, moment: str) -> PastState:
        version = self._version(job, moment.strip())
        past = self.service.job(job.id, version=version)
        facts = facts_of(job_row(past))
        state = {**facts, "deletion_requested": past.deletion_requested}
        return PastState(version, past.modified_on.isoformat(), state)

    def _version(self, job: Job, moment: str) -> int:
        if moment.isascii() and moment.isdigit():
            if 1 <= (version := int(moment[:18])) <= job.version:
                return version
            raise UnknownMoment(f"The job has no version {moment[:18]}: {_versions(job)}.")
        version = self.service.job_version_at(job.id, _time(moment))
        if not version:
            submitted = sentence_time(job.created_on.isoformat())
            raise UnknownMoment(f"The job was not there yet: it was submitted {submitted}.")
        return version


def _versions(job: Job) -> str:
    return f"it has 1 to {job.version}" if job.version > 1 else "it has only version 1"


def _time(moment: str) -> datetime:
    try:
        time = datetime.fromisoformat(moment)
    except ValueError:
        raise UnknownMoment(
            "A moment is a version (a number) or a time like 2026-11-22T12:00:00Z."
        ) from None
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def _changes(before: dict[str, Any], after: dict[str, Any]) -> Iterator[Change]:
    old, new = dict(flat(before)), dict(flat(after))
    for field in [*new, *(field for field in old if field not in new)]:
        if field != "version" and old.get(field) != new.get(field):
            yield Change(field, old.get(field), new.get(field))


def flat(document: dict[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    """The values of a document without its levels: (``summary.records_in``, 17)."""
    for name, value in document.items():
        if isinstance(value, dict):
            yield from flat(value, f"{path}{name}.")
        else:
            yield f"{path}{name}", value
