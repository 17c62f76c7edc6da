"""Later hints, by delay and by state machine, on the embedded cloud."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from adapters.timer_sqs import SqsTimer
from adapters.timer_step_functions import StepFunctionsTimer
from domain.ports.timers import Timer
from tests.cloud import Stack

Make = Callable[[], Timer]


def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture(params=["sqs", "step functions"])
def timer(request: pytest.FixtureRequest, stack: Stack) -> Timer:
    queue = stack.queue("annotation")
    if request.param == "sqs":
        return SqsTimer(queue, now=now)
    return StepFunctionsTimer(stack.aws.client("stepfunctions"), f"{stack.prefix}-timer", queue)


def test_a_hint_comes_at_its_time(stack: Stack, timer: Timer) -> None:
    queue = stack.queue("annotation")
    at = now() + timedelta(seconds=2)
    timer.schedule("look at job 1", at=at)
    assert queue.receive(wait_seconds=0) == []
    (delivery,) = queue.receive(wait_seconds=10)
    assert delivery.body == "look at job 1"
    assert now() >= at


def test_a_hint_for_the_past_comes_at_once(stack: Stack, timer: Timer) -> None:
    timer.schedule("late", at=now() - timedelta(days=1))
    (delivery,) = stack.queue("annotation").receive(wait_seconds=10)
    assert delivery.body == "late"


def test_a_time_beyond_what_sqs_can_wait_is_reached_in_steps(stack: Stack) -> None:
    queue = stack.queue("annotation")
    SqsTimer(queue, now=now).schedule("in a month", at=now() + timedelta(days=30))
    assert queue.depth().delayed == 1


def test_the_same_hint_at_the_same_time_is_one_execution(stack: Stack) -> None:
    queue = stack.queue("annotation")
    timer = StepFunctionsTimer(stack.aws.client("stepfunctions"), f"{stack.prefix}-timer", queue)
    at = now() + timedelta(seconds=1)
    for _ in range(3):
        timer.schedule("once", at=at)
    timer.schedule("another", at=at)
    bodies: list[str] = []
    until = time.monotonic() + 10
    while len(bodies) < 2 and time.monotonic() < until:
        for delivery in queue.receive(wait_seconds=1, limit=10):
            bodies.append(delivery.body)
            queue.acknowledge(delivery)
    assert sorted(bodies) == ["another", "once"]
    assert queue.receive(wait_seconds=1) == []


def test_a_machine_that_is_not_deployed_is_named(stack: Stack) -> None:
    timer = StepFunctionsTimer(
        stack.aws.client("stepfunctions"), "nobody", stack.queue("annotation")
    )
    with pytest.raises(LookupError, match="no state machine nobody"):
        timer.schedule("x", at=now())
