"""MAILS: which events are worth a mail, and until when."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from domain.account import Account
from domain.context import acting, at
from domain.errors import WrongState
from domain.job import Job
from domain.mails import MAILS, Circumstances, Notice, notice_of, occasion_of
from domain.plans import POLICY
from domain.subscription import NEVER_PAID, Standing, Subscription
from tests.builders import NOON, JobBuilder, a_job, paid
from tests.domain.test_golden_events import TOPICS

FREE = Circumstances(NEVER_PAID, POLICY)
PAYING = Circumstances(Standing(paid=True), POLICY)


def told(
    aggregate: Job | Subscription, events: list[Any], around: Circumstances = FREE
) -> list[Notice]:
    """What the person is told of these events, as the aggregate stands now."""
    return [n for event in events if (n := notice_of(event, aggregate, around))]


def kinds(built: JobBuilder, around: Circumstances = FREE) -> list[str]:
    return [n.kind for n in told(built.job, list(built.job.pending_events), around)]


def test_every_row_is_about_an_event_there_is() -> None:
    assert set(MAILS) <= set(TOPICS)


def test_a_completed_job_names_the_end_of_its_result_unless_somebody_pays() -> None:
    job = a_job().started().completed()
    free, paying = (
        told(job.job, list(job.job.pending_events), around)[0] for around in (FREE, PAYING)
    )
    assert free.facts == {"records": 1, "until": job.now + POLICY.retention}
    assert paying.facts["until"] is None
    assert (free.user, free.job) == (job.job.owner, job.job.id)


@pytest.mark.parametrize(
    ("built", "expected"),
    [
        (a_job().started(), []),
        (a_job().started().failed(final=False), []),
        (a_job().started().failed(), ["job_failed"]),
        (a_job().cancelled(), []),
        (a_job().started().completed(), ["job_finished"]),
        (a_job().started().completed().scheduled(NOON), ["job_finished", "will_be_archived"]),
        (
            a_job().started().completed().scheduled(NOON).scheduled(NOON + timedelta(days=1)),
            ["job_finished", "will_be_archived"],
        ),
        (a_job().started().completed().archived(), ["job_finished", "archived"]),
        (
            a_job().started().completed().archived().source_removed().thawing(),
            ["job_finished", "being_restored"],
        ),
        (
            a_job().started().completed().archived().source_removed().thawing().restored(),
            ["job_finished", "restored"],
        ),
        (a_job().started().completed().deletion_requested(), []),
    ],
)
def test_only_what_is_still_so_is_told(built: JobBuilder, expected: list[str]) -> None:
    assert kinds(built) == expected


def test_a_retrieval_that_is_asked_for_again_is_no_news() -> None:
    job = a_job().started().completed().archived().source_removed().thawing()
    with acting("user:test"), at(NOON):
        job.job.record_thaw_failure(attempt=2, reason="retrieval_failed", retryable=True)
    assert kinds(job) == ["job_finished", "archived"]
    assert kinds(job.thawing()) == ["job_finished"]


def test_what_the_mail_about_the_end_of_the_plan_says_no_job_says_again() -> None:
    ended = Circumstances(Standing(paid=False, until=NOON), POLICY)
    by_the_end = a_job().started().completed().scheduled(NOON + POLICY.grace)
    assert kinds(by_the_end, ended) == ["job_finished"]
    later = a_job().started().completed().scheduled(NOON + POLICY.grace + timedelta(seconds=1))
    assert kinds(later, ended) == ["job_finished", "will_be_archived"]


def billed(*statuses: dict[str, Any]) -> list[str]:
    with acting("system:billing"), at(NOON):
        found = Subscription.open(uuid4())
        for number, said in enumerate(statuses):
            found.apply(paid(**said), message=f"evt_{number}", overdue_until=NOON)
        return [n.kind for n in told(found, list(found.pending_events))]


@pytest.mark.parametrize(
    ("statuses", "expected"),
    [
        ([{}], ["upgraded"]),
        ([{}, {"status": "past_due"}], ["upgraded", "payment_failed"]),
        ([{}, {"status": "past_due"}, {}], ["upgraded", "resumed"]),
        ([{}, {"cancel_at_period_end": True}], ["upgraded", "cancel_scheduled"]),
        ([{}, {"cancel_at_period_end": True}, {}], ["upgraded", "resumed"]),
        ([{}, {"cancel_at_period_end": True}, {"status": "canceled"}], ["ended"]),
        ([{}, {"status": "canceled"}], ["ended"]),
        ([{}, {"status": "canceled"}, {"id": "sub_2"}], ["upgraded"]),
    ],
)
def test_a_plans_turns_are_told_while_they_are_so(
    statuses: list[dict[str, Any]], expected: list[str]
) -> None:
    assert billed(*statuses) == expected


def test_what_is_no_occasion_is_none() -> None:
    with acting("user:test"), at(NOON):
        account = Account.open(uuid4())
    events: list[Any] = list(account.pending_events)
    assert [occasion_of(event) for event in events] == [None]


def test_a_group_of_mails_there_is_not_is_refused_and_the_same_choice_is_no_event() -> None:
    with acting("user:test"), at(NOON):
        account = Account.open(uuid4())
        with pytest.raises(WrongState, match="no group of mails 'plan'"):
            account.change_mail_preferences(["plan"])
        for _ in range(2):
            account.change_mail_preferences(["storage", "results", "storage"])
        account.change_mail_preferences([])
    assert [e.unwanted for e in account.pending_events[1:]] == [["results", "storage"], []]  # type: ignore[attr-defined]
