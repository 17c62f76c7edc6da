"""What is known of every job and file, gathered once and before anything is judged."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from eventsourcing.persistence import Notification

from domain.due import EVER, Situation
from domain.job import Job
from domain.ports import ObjectHead
from domain.service import AnnotationService

if TYPE_CHECKING:
    from entrypoints.bootstrap import Gas

PAGE = 1000
SUBMITTED = "job.submitted.v1"


@dataclass(frozen=True, slots=True)
class JobFacts:
    """One job, what the due table asks about it, and when what its owner pays changed."""

    situation: Situation
    owner_since: datetime

    @property
    def job(self) -> Job:
        return self.situation.job


@dataclass(frozen=True, slots=True)
class Facts:
    """``files`` and ``uploads`` by key."""

    now: datetime
    jobs: tuple[JobFacts, ...]
    files: Mapping[str, ObjectHead]
    uploads: Mapping[str, ObjectHead]


def gather(gas: Gas) -> Facts:
    """Jobs first: a file that an event names was there before the event."""
    jobs = tuple(_facts_of(gas, job_id) for job_id in _job_ids(gas.service))
    return Facts(
        now=gas.clock(),
        jobs=jobs,
        files={head.key: head for head in gas.files.list()},
        uploads={head.key: head for head in gas.uploads.list()},
    )


def notifications(service: AnnotationService) -> Iterator[Notification]:
    """The whole log as it is stored, a page at a time."""
    after = 0
    while page := service.recorder.select_notifications(
        start=after, limit=PAGE, inclusive_of_start=False
    ):
        yield from page
        after = page[-1].id


def _job_ids(service: AnnotationService) -> Iterable[UUID]:
    return [
        UUID(str(each.originator_id)) for each in notifications(service) if each.topic == SUBMITTED
    ]


def _facts_of(gas: Gas, job_id: UUID) -> JobFacts:
    job = gas.service.job(job_id)
    subscription: Any = gas.service.subscription(job.owner)
    return JobFacts(
        gas.outlook.situation(job, leased=gas.leases.is_held(job_id)),
        owner_since=subscription.modified_on if subscription else EVER,
    )
