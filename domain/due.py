"""What is due for a job: one table, asked by workers, sweeper, views and checks alike.

Messages only say *look at this job*; everything that shall happen stands in ``TABLE``. A row says
from when until when its step is due, so one table tells what is due now and when to look again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from domain.job import FINISHED, Job
from domain.plans import POLICY, Policy
from domain.subscription import NEVER_PAID, Standing

MAX_FAILURES = 3  # attempts that ended badly without it being the file's fault
MAX_ATTEMPTS = 25  # attempts in all: a job that takes its worker down each time must end somewhere
RETRY_AFTER = timedelta(seconds=5)
FREE_ATTEMPTS = 3  # interrupted attempts that are followed by the next one at once
LONGEST_REST = timedelta(minutes=10)
HOPELESS_REST = timedelta(days=1)  # what is missing or altered may be mended by hand
FIRST_LOOK = timedelta(seconds=2)  # between two looks at a retrieval, longer the longer it takes
LAST_LOOK = timedelta(minutes=15)
EVER = datetime.min.replace(tzinfo=UTC)
NEVER = datetime.max.replace(tzinfo=UTC)


class Step(StrEnum):
    """One thing to do, then ask again."""

    PURGE = "purge"
    GIVE_UP = "give_up"
    ANNOTATE = "annotate"
    DISCARD_ARCHIVE = "discard_archive"
    REMOVE_SOURCE = "remove_source"
    SPARE = "spare"
    FINISH_ARCHIVE = "finish_archive"
    UNSCHEDULE = "unschedule"
    SCHEDULE = "schedule"
    ARCHIVE = "archive"
    THAW = "thaw"
    RETRIEVE = "retrieve"
    CANCEL_THAW = "cancel_thaw"
    BRING_BACK = "bring_back"
    REMOVE_INPUT = "remove_input"


@dataclass(frozen=True, slots=True)
class Span:
    """From ``start`` until before ``end``."""

    start: datetime = EVER
    end: datetime = NEVER

    def __contains__(self, now: datetime) -> bool:
        return self.start <= now < self.end


@dataclass(frozen=True, slots=True)
class Situation:
    """A job and what the caller looked up about it.

    ``leased``: somebody holds a living lease. ``looked_at``: when its retrieval was last looked at.
    """

    job: Job
    standing: Standing = NEVER_PAID
    policy: Policy = POLICY
    leased: bool = False
    looked_at: datetime | None = None

    @property
    def entitled(self) -> Span | None:
        """When the owner is entitled, as far as is known."""
        return Span(end=self.standing.until or NEVER) if self.standing.paid else None

    @property
    def kept_until(self) -> datetime:
        """Until when the result of an owner without entitlement stays readable."""
        since = self.job.available_since
        graced = self._graced(self.job.finished_at or self.job.created_on)
        return max(since + self.policy.retention if since else EVER, graced)

    @property
    def input_kept_until(self) -> datetime:
        kept = self.job.created_on + self.policy.input_kept
        return max(kept, self._graced(self.job.created_on))

    def _graced(self, made: datetime) -> datetime:
        """Grace is for what was made while it was paid for."""
        until = self.standing.until
        return until + self.policy.grace if until and made <= until else EVER


def rest_until(job: Job) -> datetime:
    """When the next attempt may begin: longer after each failure and each interruption."""
    earliest = job.created_on
    if job.failed_at:
        earliest = max(earliest, job.failed_at + RETRY_AFTER * job.failures)
    if job.started_at and job.attempt > FREE_ATTEMPTS:
        earliest = max(earliest, job.started_at + _doubling(1.0, job.attempt - FREE_ATTEMPTS - 1))
    return earliest


# --- the rows ------------------------------------------------------------------------------------


def _give_up(s: Situation) -> Span | None:
    return Span() if s.job.work not in FINISHED and s.job.attempt >= MAX_ATTEMPTS else None


def _annotate(s: Situation) -> Span | None:
    return Span(rest_until(s.job)) if s.job.work not in FINISHED else None


def _discard_archive(s: Situation) -> Span | None:
    return Span() if s.job.storage == "available" and s.job.archive else None


def _remove_source(s: Situation) -> Span | None:
    return Span() if s.job.source_left else None


def _spare(s: Situation) -> Span | None:
    return s.entitled if s.job.storage == "archiving" else None


def _finish_archive(s: Situation) -> Span | None:
    return _unentitled(s) if s.job.storage == "archiving" else None


def _unschedule(s: Situation) -> Span | None:
    return s.entitled if s.job.storage == "available" and s.job.archive_due else None


def _schedule(s: Situation) -> Span | None:
    """Once, and again when the time has moved further away."""
    scheduled = s.job.archive_due is not None and s.job.archive_due >= s.kept_until
    return _unentitled(s) if s.job.storage == "available" and not scheduled else None


def _archive(s: Situation) -> Span | None:
    if s.job.storage != "available" or s.job.archive_due is None:
        return None
    return _unentitled(s, s.job.archive_due, _archive_rested(s.job))


def _thaw(s: Situation) -> Span | None:
    if s.job.storage != "archived" or s.job.source_left or s.entitled is None:
        return None
    return Span(_thaw_rested(s.job), s.entitled.end)


def _retrieve(s: Situation) -> Span | None:
    return s.entitled if s.job.storage == "thawing" and s.job.retrieval is None else None


def _cancel_thaw(s: Situation) -> Span | None:
    return _unentitled(s) if s.job.storage == "thawing" and s.job.retrieval is None else None


def _bring_back(s: Situation) -> Span | None:
    if s.job.storage != "thawing" or s.job.retrieval is None:
        return None
    started = s.job.thaw_started_at or EVER
    if s.looked_at is None or s.looked_at < started:
        return Span()
    pause = min(max((s.looked_at - started) / 4, FIRST_LOOK), LAST_LOOK)
    return Span(s.looked_at + pause)


def _remove_input(s: Situation) -> Span | None:
    kept = s.job.work not in FINISHED or s.job.input_removed
    return None if kept else _unentitled(s, s.input_kept_until)


TABLE: tuple[tuple[Step, Callable[[Situation], Span | None]], ...] = (
    (Step.GIVE_UP, _give_up),
    (Step.ANNOTATE, _annotate),
    (Step.DISCARD_ARCHIVE, _discard_archive),
    (Step.REMOVE_SOURCE, _remove_source),
    (Step.SPARE, _spare),
    (Step.FINISH_ARCHIVE, _finish_archive),
    (Step.UNSCHEDULE, _unschedule),
    (Step.SCHEDULE, _schedule),
    (Step.ARCHIVE, _archive),
    (Step.THAW, _thaw),
    (Step.RETRIEVE, _retrieve),
    (Step.CANCEL_THAW, _cancel_thaw),
    (Step.BRING_BACK, _bring_back),
    (Step.REMOVE_INPUT, _remove_input),
)


def next_step(situation: Situation, now: datetime) -> Step | None:
    """The first row that holds, or None when nothing is due now or somebody is at it. Pure."""
    if situation.leased:
        return None
    return next((step for step, span in _rows(situation) if now in span), None)


def next_look(situation: Situation, now: datetime = EVER) -> datetime | None:
    """From when on anything may be due, ``EVER`` for now; None while only a command helps. Pure.

    Without ``now`` it is also told of what would have been due until some time in the past.
    """
    return min((span.start for _, span in _rows(situation) if now < span.end), default=None)


def is_open(job: Job) -> bool:
    """Whether its annotation or its removal is still to be done."""
    return not job.deleted and (job.deletion_requested or job.work not in FINISHED)


def _rows(s: Situation) -> list[tuple[Step, Span]]:
    """What is left of the table for this job; who leaves is due for nothing else."""
    if s.job.deleted:
        return []
    if s.job.deletion_requested:
        return [(Step.PURGE, Span())]
    return [(step, span) for step, when in TABLE if (span := when(s)) is not None]


def _unentitled(s: Situation, *not_before: datetime) -> Span | None:
    """From when the owner is not entitled, and not before these times."""
    if s.standing.paid and s.standing.until is None:
        return None
    start = s.standing.until if s.standing.paid else None
    return Span(max(start or EVER, *not_before, EVER))


def _archive_rested(job: Job) -> datetime:
    if job.archive_failed_at is None:
        return EVER
    if job.archive_hopeless:
        return job.archive_failed_at + HOPELESS_REST
    return job.archive_failed_at + _doubling(5.0, job.archive_failures - 1)


def _thaw_rested(job: Job) -> datetime:
    if job.thaw_failure is None or job.thaw_failed_at is None:
        return EVER
    if not job.thaw_failure["retryable"]:
        return job.thaw_failed_at + HOPELESS_REST
    return job.thaw_failed_at + _doubling(5.0, job.thaw_failures - 1)


def _doubling(first: float, times: int) -> timedelta:
    """Pauses that double, up to ``LONGEST_REST``."""
    return min(timedelta(seconds=first * 2.0 ** min(times, 20)), LONGEST_REST)
