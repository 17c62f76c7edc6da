"""The due table, row by row."""

from __future__ import annotations

from datetime import timedelta

import pytest

from domain.due import (
    MAX_ATTEMPTS,
    Situation,
    Step,
    is_open,
    next_look,
    next_step,
    rest_until,
)
from domain.plans import POLICY
from domain.subscription import Standing
from tests.builders import NOON, JobBuilder, a_job

LATER = timedelta(hours=1)
PREMIUM = Standing(paid=True)


def due(builder: JobBuilder, *, leased: bool = False, after: timedelta = LATER) -> Step | None:
    return next_step(Situation(builder.job, PREMIUM, leased=leased), builder.now + after)


@pytest.mark.parametrize(
    ("builder", "step"),
    [
        (a_job(), Step.ANNOTATE),
        (a_job().started(), Step.ANNOTATE),
        (a_job().started().failed(final=False), Step.ANNOTATE),
        (a_job().started().completed(), None),
        (a_job().started().failed(), None),
        (a_job().cancelled(), None),
        (a_job().deletion_requested(), Step.PURGE),
        (a_job().started().deletion_requested(), Step.PURGE),
        (a_job().started().completed().deletion_requested(), Step.PURGE),
        (a_job().cancelled().deletion_requested().deleted(), None),
    ],
)
def test_each_state_is_due_for_one_thing(builder: JobBuilder, step: Step | None) -> None:
    assert due(builder) is step
    assert is_open(builder.job) is (step is not None)


@pytest.mark.parametrize("builder", [a_job(), a_job().started(), a_job().deletion_requested()])
def test_nothing_is_due_while_somebody_holds_the_lease(builder: JobBuilder) -> None:
    assert due(builder, leased=True) is None


def test_a_failed_attempt_rests_before_the_next() -> None:
    builder = a_job().started().failed(final=False)
    assert due(builder, after=timedelta(seconds=1)) is None
    assert due(builder, after=timedelta(seconds=5)) is Step.ANNOTATE


def test_a_worker_that_was_killed_is_followed_at_once() -> None:
    assert due(a_job().started(), after=timedelta(0)) is Step.ANNOTATE


def test_an_outage_does_not_use_up_the_attempts() -> None:
    builder = a_job()
    started = builder.now
    while builder.job.attempt < MAX_ATTEMPTS:
        builder.now = max(builder.now, rest_until(builder.job))
        builder.started()
    assert builder.now - started > timedelta(hours=1)


def test_a_job_that_always_takes_its_worker_down_ends() -> None:
    builder = a_job()
    for _ in range(MAX_ATTEMPTS):
        builder.started()
    assert due(builder) is Step.GIVE_UP


# --- storage -------------------------------------------------------------------------------------

FREE = Standing()
ENDED = Standing(paid=False, until=NOON + timedelta(minutes=1))
OVERDUE = Standing(paid=True, until=NOON + timedelta(days=1))


def done() -> JobBuilder:
    return a_job().started().completed()


def cold() -> JobBuilder:
    return done().archived().source_removed()


SOON = NOON + timedelta(minutes=10)


@pytest.mark.parametrize(
    ("builder", "standing", "after", "step"),
    [
        (done(), FREE, 0, Step.SCHEDULE),
        (done(), PREMIUM, 0, None),
        (done().scheduled(SOON), FREE, 0, None),
        (done().scheduled(SOON), PREMIUM, 0, Step.UNSCHEDULE),
        (done().scheduled(SOON), FREE, 601, Step.ARCHIVE),
        (done().scheduled(SOON), PREMIUM, 601, Step.UNSCHEDULE),
        (done().scheduled(SOON), ENDED, 601, Step.SCHEDULE),  # grace: later than it was
        (done().scheduled(NOON + timedelta(days=14, minutes=1)), ENDED, 601, None),
        (done().scheduled(SOON).archiving(), FREE, 0, Step.FINISH_ARCHIVE),
        (done().scheduled(SOON).archiving(), PREMIUM, 0, Step.SPARE),
        (done().archived(), FREE, 0, Step.REMOVE_SOURCE),
        (done().archived(), PREMIUM, 0, Step.REMOVE_SOURCE),
        (done().archived(in_place=True), PREMIUM, 0, Step.THAW),
        (cold(), FREE, 0, None),
        (cold(), PREMIUM, 0, Step.THAW),
        (cold(), OVERDUE, 0, Step.THAW),
        (cold(), OVERDUE, 86_401, None),
        (cold().thawing(retrieval=None), PREMIUM, 0, Step.RETRIEVE),
        (cold().thawing(retrieval=None), FREE, 0, Step.CANCEL_THAW),
        (cold().thawing(), PREMIUM, 0, Step.BRING_BACK),
        (cold().thawing(), FREE, 0, Step.BRING_BACK),
        (cold().thawing().restored(), PREMIUM, 0, Step.DISCARD_ARCHIVE),
        (cold().thawing().restored(), FREE, 0, Step.DISCARD_ARCHIVE),
        (done().deletion_requested(), FREE, 0, Step.PURGE),
        (cold().thawing().deletion_requested(), PREMIUM, 0, Step.PURGE),
        (a_job().cancelled(), FREE, 31 * 86_400, Step.REMOVE_INPUT),
        (a_job().cancelled(), PREMIUM, 31 * 86_400, None),
    ],
)
def test_each_state_of_storage_is_due_for_one_thing(
    builder: JobBuilder, standing: Standing, after: int, step: Step | None
) -> None:
    now = max(builder.now, NOON) + timedelta(seconds=after)
    assert next_step(Situation(builder.job, standing), now) is step
    assert next_step(Situation(builder.job, standing, leased=True), now) is None


@pytest.mark.parametrize("standing", [FREE, PREMIUM, ENDED, OVERDUE])
@pytest.mark.parametrize(
    "builder",
    [a_job(), done(), done().scheduled(SOON), cold(), cold().thawing(), a_job().cancelled()],
)
def test_whatever_is_due_was_foretold(builder: JobBuilder, standing: Standing) -> None:
    """The sweeper looks at a job from ``next_look`` on: nothing may be due before."""
    situation = Situation(builder.job, standing)
    look = next_look(situation)
    for seconds in (0, 60, 301, 86_401, 15 * 86_400, 31 * 86_400, 60 * 86_400):
        now = builder.now + timedelta(seconds=seconds)
        if next_step(situation, now):
            assert look is not None
            assert look <= now


def test_looks_at_a_retrieval_become_rarer() -> None:
    job = cold().thawing().job
    started = job.thaw_started_at
    assert started is not None
    pauses = []
    looked = started
    for _ in range(60):
        look = next_look(Situation(job, PREMIUM, looked_at=looked))
        assert look is not None
        pauses.append(look - looked)
        looked = look
    assert pauses == sorted(pauses)
    assert (pauses[0], pauses[-1]) == (timedelta(seconds=2), timedelta(minutes=15))


def test_a_retrieval_that_failed_for_good_rests_for_a_day() -> None:
    builder = cold().thawing()
    builder._do(
        lambda: builder.job.record_thaw_failure(
            attempt=builder.job.storage_attempt, reason="archive_altered", retryable=False
        )
    )
    situation = Situation(builder.job, PREMIUM)
    assert next_step(situation, builder.now + timedelta(hours=23)) is None
    assert next_step(situation, builder.now + timedelta(hours=25)) is Step.THAW


def test_grace_is_for_results_of_the_paid_time() -> None:
    """A job of after the end follows the free plan's time like any other."""
    builder = done()
    finished = builder.job.finished_at
    assert finished is not None
    before = Standing(paid=False, until=finished - timedelta(seconds=1))
    after = Standing(paid=False, until=finished + timedelta(seconds=1))
    assert Situation(builder.job, before).kept_until == finished + POLICY.retention
    assert Situation(builder.job, after).kept_until == after.until + POLICY.grace  # type: ignore[operator]
