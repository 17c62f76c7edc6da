"""The worker loop: what is settled is acknowledged, everything else comes back."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from uuid import UUID, uuid4

import pytest

from domain.errors import NotSeenYet
from domain.ports import Delivery, Interrupted
from entrypoints.worker import PAUSES, Hint, handle, pause_after, run_worker, work_once
from tests.memory import MemoryQueue


class Watched(MemoryQueue):
    """Remembers how long each message was to be hidden."""

    def __init__(self) -> None:
        super().__init__("annotation")
        self.holds: list[int] = []

    def hold(self, delivery: Delivery, seconds: int) -> None:
        self.holds.append(seconds)
        super().hold(delivery, seconds)


class Does:
    """Work that does one thing."""

    def __init__(self, act: Callable[[], None] = lambda: None) -> None:
        self._act = act
        self.attended: list[UUID] = []

    def attend(self, job_id: UUID, *, at_least: int, stopping: Callable[[], bool]) -> None:
        self.attended.append(job_id)
        self._act()


def fails(error: Exception) -> Does:
    def act() -> None:
        raise error

    return Does(act)


@pytest.fixture
def queue() -> Watched:
    queue = Watched()
    queue.send(Hint(uuid4(), 1).body())
    return queue


def once(queue: Watched, work: Does, *, stopping: bool = False) -> bool:
    return work_once(queue, work, stopping=lambda: stopping, wait_seconds=0)


def test_what_is_done_is_acknowledged(queue: Watched) -> None:
    work = Does()
    assert once(queue, work) is True
    assert len(work.attended) == 1
    assert (queue.visible, queue.held) == ([], {})
    assert once(queue, work) is False


def test_interrupted_work_is_put_back_at_once(queue: Watched) -> None:
    once(queue, fails(Interrupted("stop")))
    assert len(queue.visible) == 1
    assert queue.holds == [0]


@pytest.mark.parametrize("error", [NotSeenYet("not yet"), ConnectionError("down"), KeyError("x")])
def test_work_that_fails_rests_and_comes_back(queue: Watched, error: Exception) -> None:
    once(queue, fails(error))
    assert (len(queue.visible), len(queue.held)) == (0, 1)
    queue.time_passes()
    work = Does()
    once(queue, work)
    assert len(work.attended) == 1


def test_a_message_that_fails_again_rests_longer() -> None:
    pauses = [pause_after(received) for received in range(1, 10)]
    assert pauses == sorted(pauses)
    assert pauses[0] == PAUSES[0]
    assert pauses[-1] == PAUSES[-1]


def test_what_arrives_when_it_is_time_to_stop_is_put_back_untouched(queue: Watched) -> None:
    work = Does()
    once(queue, work, stopping=True)
    assert work.attended == []
    assert len(queue.visible) == 1


def test_pitfall_16_a_message_stays_hidden_as_long_as_its_work_takes(queue: Watched) -> None:
    extended = threading.Event()

    def hold(delivery: Delivery, seconds: int) -> None:
        Watched.hold(queue, delivery, seconds)
        if len(queue.holds) >= 3:
            extended.set()

    queue.hold = hold  # type: ignore[method-assign]
    work = Does(lambda: assert_true(extended.wait(10)))
    (delivery,) = queue.receive(wait_seconds=0)
    handle(queue, work, delivery, stopping=lambda: False, extend_every=0.01)
    assert set(queue.holds) == {60}
    assert (queue.visible, queue.held) == ([], {})


def assert_true(fact: bool) -> None:
    assert fact


@pytest.mark.parametrize(
    "body",
    ["", "{", "null", "[]", "{}", '{"partitionkey": "x", "aggregateversion": 1}', "💥" * 999],
)
def test_poison_does_not_block_the_queue(queue: Watched, body: str) -> None:
    queue.visible.clear()
    queue.send(body)
    good = Hint(uuid4(), 1)
    queue.send(good.body())
    work = Does()
    for _ in range(10):
        once(queue, work)
        queue.time_passes()
    assert work.attended == [good.job_id]
    assert [delivery.body for delivery in queue.dead] == [body]


def test_a_hint_is_read_from_an_event_and_from_the_sweeper() -> None:
    job = uuid4()
    event = {"type": "job.submitted.v1", "partitionkey": str(job), "aggregateversion": 3, "x": 1}
    assert Hint.parse(json.dumps(event)) == Hint(job, 3) == Hint.parse(Hint(job, 3).body())


def test_the_greeting_of_s3_leads_to_nothing_and_is_no_poison(queue: Watched) -> None:
    queue.visible.clear()
    greeting = {"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "gas-files"}
    queue.send(json.dumps(greeting))
    work = Does()
    once(queue, work)
    assert work.attended == []
    assert (queue.visible, queue.held, queue.dead) == ([], {}, [])


@pytest.mark.parametrize(
    "body",
    [
        {"Action": "ArchiveRetrieval", "JobDescription": "{job}/3", "StatusCode": "Succeeded"},
        {"Records": [{"s3": {"object": {"key": "results/{job}/1/annotated.vcf.gz"}}}]},
    ],
)
def test_a_hint_is_read_from_what_vault_and_bucket_say(body: dict[str, object]) -> None:
    job = uuid4()
    assert Hint.parse(json.dumps(body).replace("{job}", str(job))) == Hint(job, 0)


def test_the_loop_ends_when_told(queue: Watched) -> None:
    stop = threading.Event()
    work = Does(stop.set)
    thread = threading.Thread(
        target=run_worker,
        args=[queue, work],
        kwargs={"stopping": stop.is_set, "wait_seconds": 0},
    )
    thread.start()
    thread.join(10)
    assert not thread.is_alive()
    assert len(work.attended) == 1
