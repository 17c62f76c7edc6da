"""A push wakes us; what is done comes from the queue, and only SNS can wake us."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from flask import Flask
from flask.testing import FlaskClient

from adapters.push_sns import SnsPushes
from domain.context import acting
from domain.job import Job
from entrypoints.app import create_app
from entrypoints.bootstrap import Gas
from entrypoints.hooks import sns as hooks_sns
from entrypoints.hooks.sns import Drain
from entrypoints.relay import run_relay
from entrypoints.sweeper import WAITING, wake
from entrypoints.work import Process
from entrypoints.worker import Hint
from projections.listeners import LISTENERS
from tests.cloud import Stack
from tests.entrypoints.running import a_gas
from tests.entrypoints.test_work import until
from tests.memory import MemoryQueue
from tests.sns import NOW, SUBSCRIBE, TOPIC, Sns
from tests.world import GOOD, OnePass

MINE = "arn:aws:sns:us-east-1:123456789012:gas-retrievals"


@pytest.fixture(scope="module")
def sns() -> Sns:
    return Sns()


@pytest.fixture
def gas(tmp_path: Path, sns: Sns) -> Gas:
    sns.fetched.clear()
    return a_gas(tmp_path, pushes=SnsPushes([TOPIC, MINE], now=lambda: NOW, fetch=sns.fetch))


@pytest.fixture
def client(gas: Gas) -> FlaskClient:
    return create_app(gas).test_client()


def submit(gas: Gas) -> Job:
    owner, upload_id = UUID(int=7), uuid4().hex
    with acting(f"user:{owner}"):
        gas.uploading.receive(owner, filename="f", data=GOOD, upload_id=upload_id)
        job = gas.submission.submit(owner, upload_id=upload_id, reference="toy").aggregate
    pulse = OnePass()
    run_relay(gas.service, gas.records, gas.bus, stopping=lambda: pulse.done, pulse=pulse)
    return job


def push(client: FlaskClient, message: Any, queue: str = "annotation") -> tuple[int, str]:
    data = message if isinstance(message, bytes) else json.dumps(message).encode()
    answer = client.post(f"/hooks/sns/{queue}", data=data, content_type="text/plain")
    return answer.status_code, answer.text


def test_a_push_has_the_queue_served_until_it_is_empty(
    gas: Gas, client: FlaskClient, sns: Sns
) -> None:
    jobs = [submit(gas) for _ in range(3)]
    assert push(client, sns.sign()) == (200, "The queue is empty.\n")
    assert [gas.service.job(job.id).work for job in jobs] == ["completed"] * 3
    assert gas.queues["annotation"].depth().visible == 0
    assert push(client, sns.sign(TopicArn=MINE))[0] == 200


def test_what_is_pushed_is_never_acted_on(gas: Gas, client: FlaskClient, sns: Sns) -> None:
    job = submit(gas)
    gas.queues["annotation"].receive(wait_seconds=0)  # somebody else has its message
    event = {"type": "job.submitted.v1", "partitionkey": str(job.id), "aggregateversion": 1}
    assert push(client, sns.sign(Message=json.dumps(event)))[0] == 200
    assert gas.service.job(job.id).work == "submitted"


@pytest.mark.parametrize(
    "raw", [b"", b"no json", b"[]", b"{}", b'{"Type":"Notification"}', b"[" * 200_000]
)
def test_pitfall_31_what_is_no_push_of_sns_is_refused(client: FlaskClient, raw: bytes) -> None:
    assert push(client, raw)[0] == 400


@pytest.mark.parametrize(
    "change",
    [
        {"Signature": "FAKE"},
        {"Signature": "\u00e9"},
        {"Message": "changed after signing"},
        {"Message": "\ud800"},
        {"SigningCertURL": "https://["},
        {"SigningCertURL": "https://evil.example/sns.us-east-1.amazonaws.com/a.pem"},
    ],
)
def test_pitfall_31_a_forged_push_wakes_nobody(
    gas: Gas, client: FlaskClient, sns: Sns, change: dict[str, str]
) -> None:
    job = submit(gas)
    assert push(client, sns.sign() | change)[0] == 403
    assert gas.service.job(job.id).work == "submitted"


def test_while_the_certificate_cannot_be_fetched_sns_is_to_push_again(
    tmp_path: Path, sns: Sns
) -> None:
    def away(_: str) -> bytes:
        raise TimeoutError

    gas = a_gas(tmp_path, pushes=SnsPushes([TOPIC], now=lambda: NOW, fetch=away))
    job = submit(gas)
    assert push(create_app(gas).test_client(), sns.sign())[0] == 503
    assert gas.service.job(job.id).work == "submitted"


def test_pitfall_31_a_stale_or_foreign_push_is_refused(client: FlaskClient, sns: Sns) -> None:
    old = (NOW - timedelta(hours=2)).isoformat()
    status, sentence = push(client, sns.sign(Timestamp=old))
    assert (status, sentence) == (403, "The message is too old.\n")
    assert push(client, sns.sign(TopicArn=TOPIC + "x"))[0] == 403


def test_pitfall_31_a_subscription_is_confirmed_at_sns_alone(client: FlaskClient, sns: Sns) -> None:
    assert push(client, sns.confirmation(SubscribeURL="http://169.254.169.254/"))[0] == 403
    assert "http://169.254.169.254/" not in sns.fetched
    assert push(client, sns.confirmation()) == (200, "Subscribed.\n")
    assert sns.fetched[-1] == SUBSCRIBE


def test_other_queues_methods_and_sizes_are_refused(client: FlaskClient, sns: Sns) -> None:
    assert push(client, sns.sign(), "nonsense")[0] == 404
    assert client.get("/hooks/sns/annotation").status_code == 405
    assert push(client, b"x" * (hooks_sns.BODY_BYTES + 1))[0] == 413


# --- one drain at a time -------------------------------------------------------------------------


class Gated(MemoryQueue):
    """Says when it was found empty, and waits there."""

    def __init__(self) -> None:
        super().__init__("annotation")
        self.found_empty, self.go_on = threading.Event(), threading.Event()

    def receive(self, *, wait_seconds: int, limit: int = 1) -> Any:
        deliveries = super().receive(wait_seconds=0, limit=limit)
        if not deliveries:
            self.found_empty.set()
            assert self.go_on.wait(10)
        return deliveries


class Notes:
    """Work that notes what it attended to and how many did so at once."""

    def __init__(self, act: Callable[[], object] = lambda: None) -> None:
        self.attended: list[UUID] = []
        self._act = act

    def attend(self, job_id: UUID, *, at_least: int, stopping: Callable[[], bool]) -> None:
        self._act()
        self.attended.append(job_id)


def test_who_wakes_a_drain_that_is_about_to_end_is_heard() -> None:
    queue, work = Gated(), Notes()
    drain = Drain(queue, lambda: work, stopping=lambda: False)
    first = drain.wake()
    assert queue.found_empty.wait(10)  # it has seen nothing, and has not ended yet
    late = Hint(uuid4(), 1)
    queue.send(late.body())
    second = drain.wake()
    queue.go_on.set()
    second.result(10)
    assert work.attended == [late.job_id]
    assert first is second


def test_many_pushes_at_once_are_one_drain_and_no_message_is_left() -> None:
    queue = MemoryQueue("annotation")
    at_once = threading.Semaphore(1)

    def alone() -> None:
        assert at_once.acquire(blocking=False)
        at_once.release()

    work = Notes(alone)
    drain = Drain(queue, lambda: work, stopping=lambda: False)

    def one(number: int) -> None:
        queue.send(Hint(UUID(int=number), 1).body())
        drain.wake().result(30)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(one, range(1, 201)))
    assert sorted(work.attended) == [UUID(int=n) for n in range(1, 201)]
    assert queue.depth().visible == 0


def test_a_push_is_answered_in_time_whatever_is_worked_on(tmp_path: Path, sns: Sns) -> None:
    release = threading.Event()
    gas = a_gas(
        tmp_path,
        pushes=SnsPushes([TOPIC], now=lambda: NOW, fetch=sns.fetch),
        work=lambda name: Notes(lambda: release.wait(20)),
    )
    app = Flask("pushed")
    hooks_sns.register(app, gas, stopping=lambda: False, answer_seconds=0.2)
    client = app.test_client()
    submit(gas)
    for _ in range(2):
        assert push(client, sns.sign()) == (202, "Still at work.\n")
    release.set()
    until(lambda: push(client, sns.sign())[0] == 200)
    assert gas.queues["annotation"].depth().in_flight == 0


def test_a_queue_that_does_not_answer_makes_sns_try_again(
    gas: Gas, client: FlaskClient, sns: Sns
) -> None:
    job = submit(gas)
    queue = gas.queues["annotation"]
    real = queue.receive

    def down(**_: Any) -> Any:
        raise ConnectionError("down")

    queue.receive = down  # type: ignore[method-assign]
    assert push(client, sns.sign())[0] == 503
    queue.receive = real  # type: ignore[method-assign]
    assert push(client, sns.sign())[0] == 200
    assert gas.service.job(job.id).work == "completed"


# --- a process that does not poll ----------------------------------------------------------------


@pytest.fixture
def pushed_stack(tmp_path: Path, stack: Stack, sns: Sns) -> Gas:
    queues = {name: stack.queue(name) for name in LISTENERS}
    pushes = SnsPushes([TOPIC], now=lambda: NOW, fetch=sns.fetch)
    settings = {"consumers": "push"}
    return a_gas(tmp_path, queues=queues, bus=stack.bus, pushes=pushes, settings=settings)


def test_with_push_the_work_process_polls_no_queue_and_is_ready(
    pushed_stack: Gas, sns: Sns
) -> None:
    process = Process(pushed_stack)
    parts = [part for part in process.all_parts() if part.name != "example"]
    assert {part.does for part in parts}.isdisjoint(pushed_stack.queues)
    client = create_app(pushed_stack).test_client()
    assert client.get("/readyz").status_code == 503
    supervised = process.start(parts)
    try:
        until(lambda: client.get("/readyz").status_code == 200)
        job = submit(pushed_stack)
        until(lambda: pushed_stack.queues["annotation"].depth().visible)
        assert push(client, sns.sign())[0] == 200
        assert pushed_stack.service.job(job.id).work == "completed"
    finally:
        assert process.drain(supervised) == []


def test_what_waits_in_a_queue_has_sns_push(stack: Stack) -> None:
    """As a subscriber sees it; an SQS queue stands for the address here."""
    sqs, sns = stack.aws.client("sqs"), stack.aws.client("sns")
    ear = sqs.create_queue(QueueName=f"{stack.prefix}-ear")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=ear, AttributeNames=["QueueArn"])["Attributes"]
    may_send = {
        "Effect": "Allow",
        "Principal": {"Service": "sns.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": arn["QueueArn"],
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [may_send]})
    sqs.set_queue_attributes(QueueUrl=ear, Attributes={"Policy": policy})
    (topic,) = [
        topic["TopicArn"]
        for page in sns.get_paginator("list_topics").paginate()
        for topic in page["Topics"]
        if topic["TopicArn"].endswith(f":{stack.topic}")
    ]
    sns.subscribe(
        TopicArn=topic,
        Protocol="sqs",
        Endpoint=arn["QueueArn"],
        Attributes={"FilterPolicy": json.dumps({"type": [WAITING]}), "RawMessageDelivery": "true"},
    )
    queues = {name: stack.queue(name) for name in ("annotation", "archival")}
    assert not wake(queues, stack.bus)
    queues["archival"].send(Hint(uuid4(), 0).body())
    assert wake(queues, stack.bus)
    (message,) = sqs.receive_message(QueueUrl=ear, WaitTimeSeconds=10)["Messages"]
    assert json.loads(message["Body"])["queues"] == ["archival"]
    assert queues["archival"].depth().visible == 1  # nobody is told twice through the queue itself
