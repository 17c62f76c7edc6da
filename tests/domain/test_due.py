"""The due table, row by row."""

from __future__ import annotations

from datetime import timedelta

import pytest

from domain.due import MAX_ATTEMPTS, Situation, Step, is_open, next_step, rest_until
from domain.subscription import Standing
from tests.builders import JobBuilder, a_job

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
