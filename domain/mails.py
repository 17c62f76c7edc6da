"""MAILS: what people are told of by mail, and whether it is still worth telling. All of it pure.

A mail follows from an event and from how things stand when it is written, never from a message.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from domain.due import Situation
from domain.job import Job
from domain.plans import Policy
from domain.stamped import Stamped
from domain.subscription import Standing, Subscription

SHELF_LIFE = timedelta(days=1)  # nobody is told of what is older


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What decides how long the results of the person stay readable."""

    standing: Standing
    policy: Policy

    def kept_until(self, job: Job) -> datetime | None:
        """Until when a readable result stays so; None for as long as its owner pays."""
        if self.standing.paid or job.storage != "available":
            return None
        return Situation(job, self.standing, self.policy).kept_until


Facts = dict[str, Any]  # times as ``datetime``


@dataclass(frozen=True, slots=True)
class Occasion:
    """One row: ``stands(event, now)`` says whether it is still true of the aggregate as it is now,
    ``facts(event, now, circumstances)`` what the mail needs to know.
    """

    kind: str
    group: str  # one of MAIL_GROUPS, or "plan": what somebody who pays must know
    stands: Callable[[Any, Any], bool]
    facts: Callable[[Any, Any, Circumstances], Facts] = lambda event, now, around: {}


@dataclass(frozen=True, slots=True)
class Notice:
    """What one person is to be told; ``job`` is None for what concerns their plan."""

    kind: str
    group: str
    user: UUID
    job: UUID | None
    facts: Facts = field(default_factory=dict)


def _finished(_event: Any, job: Job, around: Circumstances) -> Facts:
    return {"records": (job.outcome or {})["records_in"], "until": around.kept_until(job)}


def _same_schedule(event: Any, job: Job) -> bool:
    return job.storage == "available" and job.archive_due == datetime.fromisoformat(event.due)


def _first_thaw(event: Any, job: Job) -> bool:
    """A retrieval that is asked for again is no news."""
    return (
        job.storage == "thawing" and job.storage_attempt == event.attempt and job.thaw_failures == 0
    )


def _canceled(event: Any, _now: Any, around: Circumstances) -> Facts:
    at = datetime.fromisoformat(event.at)
    return {"at": at, **_until(at, around.policy)}


def _ended(event: Any, _now: Any, around: Circumstances) -> Facts:
    return _until(event.timestamp, around.policy)


def _until(end: datetime, policy: Policy) -> Facts:
    return {"until": end + policy.grace, "input_days": policy.input_kept.days}


MAILS: dict[str, Occasion] = {
    "job.annotation_completed.v1": Occasion(
        "job_finished", "results", lambda event, job: True, _finished
    ),
    "job.annotation_failed.v1": Occasion(
        "job_failed",
        "results",
        lambda event, job: job.work == "failed",
        lambda event, job, around: {"failure": event.failure},
    ),
    "job.archive_scheduled.v1": Occasion(
        "will_be_archived",
        "storage",
        _same_schedule,
        lambda event, job, around: {"until": datetime.fromisoformat(event.due)},
    ),
    "job.archived.v1": Occasion(
        "archived",
        "storage",
        lambda event, job: job.storage == "archived" and job.archived_at == event.timestamp,
    ),
    "job.thaw_requested.v1": Occasion(
        "being_restored",
        "storage",
        _first_thaw,
        lambda event, job, around: {"expected": job.expected_by if job.retrieval else None},
    ),
    "job.restored.v1": Occasion(
        "restored",
        "storage",
        lambda event, job: job.storage == "available" and job.available_since == event.timestamp,
        lambda event, job, around: {"until": around.kept_until(job)},
    ),
    "subscription.upgraded.v1": Occasion(
        "upgraded", "plan", lambda event, now: now.paid and now.subscription == event.subscription
    ),
    "subscription.payment_failed.v1": Occasion(
        "payment_failed",
        "plan",
        lambda event, now: now.overdue_until == datetime.fromisoformat(event.until),
        lambda event, now, around: {"until": now.overdue_until},
    ),
    "subscription.cancel_scheduled.v1": Occasion(
        "cancel_scheduled",
        "plan",
        lambda event, now: now.cancel_at == datetime.fromisoformat(event.at),
        _canceled,
    ),
    "subscription.resumed.v1": Occasion(
        "resumed",
        "plan",
        lambda event, now: (
            now.paid and not (now.overdue_until if event.reason == "paid" else now.cancel_at)
        ),
        lambda event, now, around: {event.reason: True},
    ),
    "subscription.ended.v1": Occasion(
        "ended", "plan", lambda event, now: now.ended_at == event.timestamp, _ended
    ),
}


def occasion_of(event: Stamped.Event) -> Occasion | None:
    """What an event is an occasion for; a failure that another attempt follows is for none."""
    return MAILS.get(getattr(event, "TOPIC", "")) if getattr(event, "final", True) else None


def notice_of(
    event: Stamped.Event, now: Job | Subscription, around: Circumstances
) -> Notice | None:
    """What the person is to be told of an event, given how things stand now.

    None when there is nothing to tell, it is not true any more, or the job is being deleted.
    """
    occasion = occasion_of(event)
    if occasion is None or not occasion.stands(event, now):
        return None
    facts = occasion.facts(event, now, around)
    if isinstance(now, Subscription):
        return Notice(occasion.kind, occasion.group, now.user, None, facts)
    if now.deletion_requested or _ended_mail_says_it(occasion, facts, around):
        return None
    return Notice(occasion.kind, occasion.group, now.owner, now.id, facts)


def _ended_mail_says_it(occasion: Occasion, facts: Facts, around: Circumstances) -> bool:
    """One mail about the end of a subscription says what hundreds of jobs' mails would."""
    ended = around.standing.until
    return (
        occasion.kind == "will_be_archived"
        and ended is not None
        and facts["until"] == ended + around.policy.grace
    )
