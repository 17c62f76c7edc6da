"""Topic and work queues together, as the template wires them, over HTTP."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from botocore.stub import Stubber

from adapters.bus_sns import NotPublished, SnsBus
from adapters.queue_sqs import SqsQueue
from domain.ports import Delivery
from projections.listeners import LISTENERS
from tests.cloud import Stack


def event(type: str = "job.submitted.v1", **data: Any) -> dict[str, Any]:
    return {"specversion": "1.0", "type": type, "aggregateversion": 1, "data": data}


def drain(queue: SqsQueue, count: int, seconds: float = 5.0) -> list[dict[str, Any]]:
    """The first ``count`` messages of a queue, acknowledged."""
    bodies: list[dict[str, Any]] = []
    until = time.monotonic() + seconds
    while len(bodies) < count and time.monotonic() < until:
        for delivery in queue.receive(wait_seconds=1, limit=10):
            bodies.append(json.loads(delivery.body))
            queue.acknowledge(delivery)
    return bodies


@pytest.fixture
def queue(stack: Stack) -> SqsQueue:
    return stack.queue("annotation")


def test_every_queue_gets_what_it_listens_to_and_nothing_else(stack: Stack) -> None:
    types = sorted({kind for listens in LISTENERS.values() for kind in listens})
    stack.bus.publish([event(kind) for kind in [*types, "job.unheard_of.v1"]])
    for name, listens in LISTENERS.items():
        queue = stack.queue(name)
        assert sorted(body["type"] for body in drain(queue, len(listens))) == sorted(listens)
        assert queue.receive(wait_seconds=0) == []


def test_the_message_is_the_event_itself(stack: Stack, queue: SqsQueue) -> None:
    sent = event(name="Zoë", nested={"a": [1, 2]})
    stack.bus.publish([sent])
    assert drain(queue, 1) == [sent]


def test_more_than_one_batch_arrives_complete(stack: Stack, queue: SqsQueue) -> None:
    stack.bus.publish([event(n=n) for n in range(23)])
    assert sorted(body["data"]["n"] for body in drain(queue, 23)) == list(range(23))


def test_a_batch_never_exceeds_what_sns_takes(stack: Stack, queue: SqsQueue) -> None:
    stack.bus.publish([event(n=n, filling="x" * 60_000) for n in range(9)])
    assert sorted(body["data"]["n"] for body in drain(queue, 9)) == list(range(9))


def test_a_refused_entry_is_an_error(stack: Stack) -> None:
    sns = stack.aws_again().client("sns")  # the shared one must not be stubbed
    answer = {"Successful": [], "Failed": [{"Id": "0", "Code": "Throttled", "SenderFault": False}]}
    topics = {"Topics": [{"TopicArn": f"arn:aws:sns:us-east-1:000000000000:{stack.topic}"}]}
    with Stubber(sns) as stub:
        stub.add_response("list_topics", topics)
        stub.add_response("publish_batch", answer)
        with pytest.raises(NotPublished, match="1 of 1 events, the first with Throttled"):
            SnsBus(sns, stack.topic).publish([event()])


def test_publishing_to_a_topic_that_is_not_there_is_an_error(stack: Stack) -> None:
    bus = SnsBus(stack.aws.client("sns"), stack.topic + "-gone")
    with pytest.raises(NotPublished, match="no topic"):
        bus.publish([event()])


def test_a_held_message_is_seen_again_only_later_and_counted(queue: SqsQueue) -> None:
    queue.send("work")
    (first,) = queue.receive(wait_seconds=1)
    assert (first.body, first.received) == ("work", 1)
    assert queue.receive(wait_seconds=0) == []
    queue.hold(first, 0)
    (second,) = queue.receive(wait_seconds=1)
    assert second.received == 2
    queue.acknowledge(second)
    assert queue.depth().visible == queue.depth().in_flight == 0


def test_an_expired_receipt_does_no_harm(queue: SqsQueue) -> None:
    queue.send("work")
    (first,) = queue.receive(wait_seconds=1)
    queue.hold(first, 0)
    (second,) = queue.receive(wait_seconds=1)
    queue.acknowledge(second)
    queue.acknowledge(first)
    queue.hold(first, 10)
    queue.hold(Delivery(body="", receipt="nonsense", received=1), 10)
    queue.send("the next")
    assert [delivery.body for delivery in queue.receive(wait_seconds=1, limit=10)] == ["the next"]


def test_a_delayed_message_waits(queue: SqsQueue) -> None:
    queue.send("later", delay_seconds=1)
    assert queue.depth().delayed == 1
    assert queue.receive(wait_seconds=0) == []
    assert [delivery.body for delivery in queue.receive(wait_seconds=3)] == ["later"]


def fail_until_dead(queue: SqsQueue, times: int = 5) -> None:
    for _ in range(times):
        for delivery in queue.receive(wait_seconds=1):
            queue.hold(delivery, 0)
    assert queue.receive(wait_seconds=0) == []


def test_poison_goes_to_the_dead_letter_queue_after_five_receives_and_back_on_redrive(
    queue: SqsQueue,
) -> None:
    queue.send("poison")
    fail_until_dead(queue)
    assert (queue.depth().visible, queue.depth().dead) == (0, 1)
    assert queue.redrive() == 1
    (again,) = queue.receive(wait_seconds=1)
    assert (again.body, again.received) == ("poison", 1)
    assert queue.depth().dead == 0
    assert queue.redrive() == 0


def test_redrive_moves_more_than_one_batch(queue: SqsQueue) -> None:
    for n in range(12):
        queue.send(str(n))
    for _ in range(5):
        held = [d for _ in range(3) for d in queue.receive(wait_seconds=0, limit=10)]
        for delivery in held:
            queue.hold(delivery, 0)
    assert queue.receive(wait_seconds=0) == []
    assert queue.depth().dead == 12
    assert queue.redrive() == 12
    assert queue.depth().visible == 12


def test_a_waiting_receive_returns_soon_after_a_publish(stack: Stack, queue: SqsQueue) -> None:
    import threading

    sent: list[float] = []

    def publish() -> None:
        sent.append(time.monotonic())
        stack.bus.publish([event()])

    timer = threading.Timer(0.5, publish)
    timer.start()
    assert queue.receive(wait_seconds=20)
    took = time.monotonic() - sent[0]
    timer.join()
    assert took < 5.0  # 0.05 s on an idle machine; without waiting on the server, twenty
