"""What is due for a job: one table, asked by workers, sweeper and checks alike.

Messages only say *look at this job*; everything that shall happen stands in ``TABLE``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from domain.job import FINISHED, Job

MAX_FAILURES = 3  # attempts that ended badly without it being the file's fault
MAX_ATTEMPTS = 25  # attempts in all: a job that takes its worker down each time must end somewhere
RETRY_AFTER = timedelta(seconds=5)
FREE_ATTEMPTS = 3  # interrupted attempts that are followed by the next one at once
LONGEST_REST = timedelta(minutes=10)


class Step(StrEnum):
    """One thing to do, then ask again."""

    ANNOTATE = "annotate"
    GIVE_UP = "give_up"
    PURGE = "purge"


@dataclass(frozen=True, slots=True)
class Situation:
    """A job and what the caller looked up about it; ``leased``: somebody holds a living lease."""

    job: Job
    now: datetime
    leased: bool = False

    @property
    def waiting(self) -> bool:
        """Work is left, and nobody is at it."""
        return not self.leased and self.job.work not in FINISHED

    @property
    def rested(self) -> bool:
        """The next attempt may begin: an outage must not use up a job's attempts."""
        return self.now >= rest_until(self.job)


def rest_until(job: Job) -> datetime:
    """When the next attempt may begin: longer after each failure and each interruption."""
    earliest = job.created_on
    if job.failed_at:
        earliest = max(earliest, job.failed_at + RETRY_AFTER * job.failures)
    if job.started_at and job.attempt > FREE_ATTEMPTS:
        pause = timedelta(seconds=2.0 ** (job.attempt - FREE_ATTEMPTS - 1))
        earliest = max(earliest, job.started_at + min(pause, LONGEST_REST))
    return earliest


TABLE: tuple[tuple[Step, Callable[[Situation], bool]], ...] = (
    (Step.PURGE, lambda s: s.job.deletion_requested and not s.leased),
    (Step.GIVE_UP, lambda s: s.waiting and s.job.attempt >= MAX_ATTEMPTS),
    (Step.ANNOTATE, lambda s: s.waiting and s.rested),
)


def next_step(situation: Situation) -> Step | None:
    """The first row that holds, or None when nothing is due now. Pure."""
    if situation.job.deleted:
        return None
    return next((step for step, holds in TABLE if holds(situation)), None)


def is_open(job: Job) -> bool:
    """Whether anything may still become due without a new command."""
    return not job.deleted and (job.deletion_requested or job.work not in FINISHED)
