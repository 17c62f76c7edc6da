"""Many callers, one transaction; nobody hangs, nothing is written twice."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError
from eventsourcing.persistence import IntegrityError, InternalError, Tracking

from adapters.event_store_dynamodb.errors import Busy, Closed
from tests.adapters.event_store_dynamodb.events import (
    ScriptedFactory,
    a_factory,
    a_process_recorder,
    a_recorder,
    event,
    scripted,
    stream,
)

WRITE = "transact_write_items"


def applied_but_lost(client: Any, request: dict[str, Any]) -> Any:
    client.transact_write_items(**request)
    raise ReadTimeoutError(endpoint_url="http://127.0.0.1")


def lost(_: Any, __: Any) -> Any:
    raise ReadTimeoutError(endpoint_url="http://127.0.0.1")


def conflict(_: Any, request: dict[str, Any]) -> Any:
    others = [{"Code": "None"}] * (len(request["TransactItems"]) - 1)
    refused = ClientError({"Error": {"Code": "TransactionCanceledException"}}, "TransactWriteItems")
    reasons = {"CancellationReasons": [{"Code": "TransactionConflict"}, *others]}
    refused.response.update(reasons)  # type: ignore[typeddict-item]
    raise refused


class Gate:
    """Holds a request back until it is opened."""

    def __init__(self) -> None:
        self.reached, self.opened = threading.Event(), threading.Event()

    def __call__(self, client: Any, request: dict[str, Any]) -> Any:
        self.reached.set()
        assert self.opened.wait(10)
        return client.transact_write_items(**request)


@pytest.fixture
def factory(env: dict[str, str], closing: list[Any]) -> ScriptedFactory:
    made = scripted(env)
    a_recorder(made).insert_events(stream(1))
    made.scripted.requests.clear()
    closing.append(made)
    return made


def writes(factory: ScriptedFactory) -> int:
    return sum(operation == WRITE for operation, _ in factory.scripted.requests)


def while_one_is_under_way(
    factory: ScriptedFactory, pool: ThreadPoolExecutor, calls: list[Any]
) -> tuple[Gate, list[Future[Any]]]:
    """The first call is held at the gate until the others wait behind it."""
    gate = Gate()
    factory.scripted.script[WRITE] = [gate]
    recorder = a_recorder(factory)
    futures = [pool.submit(recorder.insert_events, calls[0])]
    assert gate.reached.wait(5)
    futures += [pool.submit(recorder.insert_events, call) for call in calls[1:]]
    committer = factory.committers.get()
    for _ in range(500):
        if len(committer._waiting) == len(calls) - 1:
            break
        time.sleep(0.01)
    return gate, futures


def test_callers_that_wait_are_written_in_one_transaction(factory: ScriptedFactory) -> None:
    with ThreadPoolExecutor(40) as pool:
        gate, futures = while_one_is_under_way(factory, pool, [stream(2) for _ in range(33)])
        gate.opened.set()
        given = sorted(ids for future in futures for ids in future.result(10))
    assert given == list(range(2, 68))
    assert writes(factory) == 2


def test_a_lone_append_is_one_request(factory: ScriptedFactory) -> None:
    recorder = a_recorder(factory)
    events = stream(10)
    recorder.insert_events(events)
    loaded = recorder.select_events(events[0].originator_id)
    recorder.insert_events([event(loaded[0].originator_id, 11)])
    assert [operation for operation, _ in factory.scripted.requests] == [WRITE, "query", WRITE]


def test_only_the_caller_whose_version_is_taken_is_refused(
    factory: ScriptedFactory, env: dict[str, str]
) -> None:
    contested = uuid4()
    a_recorder(a_factory(env)).insert_events([event(contested, 1)])
    calls = [stream(1), [event(contested, 1)], stream(3), stream(1)]
    with ThreadPoolExecutor(8) as pool:
        gate, futures = while_one_is_under_way(factory, pool, calls)
        gate.opened.set()
        with pytest.raises(IntegrityError, match="already recorded"):
            futures[1].result(10)
        given = sorted(ids for f in (futures[0], futures[2], futures[3]) for ids in f.result(10))
    assert given == [3, 4, 5, 6, 7]


def test_two_waiting_callers_with_one_version_are_judged_one_after_the_other(
    factory: ScriptedFactory,
) -> None:
    contested = uuid4()
    calls = [stream(1), [event(contested, 1)], [event(contested, 1)]]
    with ThreadPoolExecutor(8) as pool:
        gate, futures = while_one_is_under_way(factory, pool, calls)
        gate.opened.set()
        outcomes = [type(f.exception(10)) for f in futures]
    assert outcomes.count(IntegrityError) == 1
    assert outcomes.count(type(None)) == 2
    assert a_recorder(factory).max_notification_id() == 3


def test_of_many_who_want_one_place_one_gets_it(factory: ScriptedFactory) -> None:
    contested = uuid4()
    calls = [[event(contested, 1)] for _ in range(20)]
    with ThreadPoolExecutor(20) as pool:
        gate, futures = while_one_is_under_way(factory, pool, calls)
        gate.opened.set()
        outcomes = [type(f.exception(10)) for f in futures]
    assert outcomes.count(IntegrityError) == 19
    assert a_recorder(factory).insert_events(stream(1)) == [3]


def test_a_position_that_was_refused_does_not_refuse_a_later_one(
    factory: ScriptedFactory,
) -> None:
    recorder = a_process_recorder(factory)
    recorder.insert_tracking(Tracking("up", 5))
    gate = Gate()
    factory.scripted.script[WRITE] = [gate]
    with ThreadPoolExecutor(3) as pool:
        held = pool.submit(recorder.insert_events, stream(1))
        assert gate.reached.wait(5)
        appends = [
            pool.submit(recorder.insert_events, stream(1), tracking=Tracking("up", position))
            for position in (5, 6)
        ]
        while len(factory.committers.get()._waiting) < 2:
            time.sleep(0.01)
        gate.opened.set()
        assert held.result(10) == [2]
        assert isinstance(appends[0].exception(10), IntegrityError)
        assert appends[1].result(10) == [3]


@pytest.mark.parametrize(
    "schedule",
    [
        [applied_but_lost],
        [lost, lost],
        [conflict, applied_but_lost, conflict],
        [conflict] * 5,
        [applied_but_lost, applied_but_lost, lost],
    ],
)
def test_an_append_is_applied_once_whatever_happens_to_its_requests(
    factory: ScriptedFactory, schedule: list[Any]
) -> None:
    recorder = a_recorder(factory)
    factory.scripted.script[WRITE] = list(schedule)
    first, second = stream(2), stream(1)
    assert recorder.insert_events(first) == [2, 3]
    assert recorder.insert_events(second) == [4]
    assert [n.originator_id for n in recorder.select_notifications(2, 10)] == [
        e.originator_id for e in first + second
    ]


def test_an_applied_write_is_recognised_when_its_token_is_forgotten(
    factory: ScriptedFactory,
) -> None:
    def forgotten(client: Any, request: dict[str, Any]) -> Any:
        return client.transact_write_items(**{**request, "ClientRequestToken": uuid4().hex})

    factory.scripted.script[WRITE] = [applied_but_lost, forgotten]
    assert a_recorder(factory).insert_events(stream(1)) == [2]
    assert a_recorder(factory).max_notification_id() == 2


def test_an_unknown_outcome_is_settled_by_reading_the_slot(
    factory: ScriptedFactory, env: dict[str, str]
) -> None:
    factory.table.timeout = 0.2
    factory.scripted.script[WRITE] = [applied_but_lost] + [lost] * 1000
    assert a_recorder(factory).insert_events(stream(1)) == [2]


def test_a_lost_race_is_won_at_the_next_position(
    factory: ScriptedFactory, env: dict[str, str]
) -> None:
    rival = a_recorder(a_factory(env))
    for n in range(5):
        rival.insert_events(stream(3))
        assert a_recorder(factory).insert_events(stream(1)) == [5 + 4 * n]


def test_lasting_conflict_is_operational_not_integrity(factory: ScriptedFactory) -> None:
    factory.table.timeout = 0.2
    factory.scripted.script[WRITE] = [conflict] * 1000
    with pytest.raises(Busy, match="Nothing was written"):
        a_recorder(factory).insert_events(stream(1))
    factory.scripted.script.clear()
    assert a_recorder(factory).insert_events(stream(1)) == [2]


def test_closing_fails_whoever_waits(factory: ScriptedFactory) -> None:
    with ThreadPoolExecutor(8) as pool:
        gate, futures = while_one_is_under_way(factory, pool, [stream(1) for _ in range(4)])
        closer = threading.Thread(target=factory.close)
        closer.start()
        for future in futures[1:]:
            with pytest.raises(Closed):
                future.result(5)
        gate.opened.set()
        assert futures[0].result(5) == [2]
        closer.join(5)
    with pytest.raises(Closed):
        a_recorder(factory).insert_events(stream(1))


def test_closing_ends_a_request_that_is_being_repeated(factory: ScriptedFactory) -> None:
    factory.scripted.script[WRITE] = [conflict] * 10_000
    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(a_recorder(factory).insert_events, stream(1))
        for _ in range(500):
            if writes(factory) > 2:
                break
            time.sleep(0.01)
        factory.close()
        with pytest.raises(Closed):
            future.result(5)


@pytest.mark.parametrize("tracking", [None, Tracking("up", 1)])
def test_closing_settles_a_write_whose_answer_was_lost(
    factory: ScriptedFactory, tracking: Tracking | None
) -> None:
    recorder = a_process_recorder(factory)
    written = threading.Event()

    def applied_then_lost(client: Any, request: dict[str, Any]) -> Any:
        client.transact_write_items(**request)
        written.set()
        raise ReadTimeoutError(endpoint_url="http://127.0.0.1")

    factory.scripted.script[WRITE] = [applied_then_lost] + [lost] * 1000
    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(recorder.insert_events, stream(1), tracking=tracking)
        assert written.wait(5)
        factory.close()
        assert future.result(5) == [2]


def test_closing_under_load_ends_at_once(factory: ScriptedFactory) -> None:
    recorder = a_recorder(factory)

    def append_until_closed() -> None:
        with contextlib.suppress(Closed):
            while True:
                recorder.insert_events(stream(1))

    with ThreadPoolExecutor(8) as pool:
        futures = [pool.submit(append_until_closed) for _ in range(8)]
        while (recorder.max_notification_id() or 0) < 30:
            time.sleep(0.01)
        started = time.monotonic()
        factory.close()
        for future in futures:
            future.result(5)
    assert time.monotonic() - started < 5


def test_nobody_hangs_when_the_thread_fails(factory: ScriptedFactory) -> None:
    def burst(_: Any, __: Any) -> Any:
        raise MemoryError("no room")

    with ThreadPoolExecutor(8) as pool:
        gate, futures = while_one_is_under_way(factory, pool, [stream(1) for _ in range(4)])
        factory.scripted.script[WRITE].append(burst)
        gate.opened.set()
        assert futures[0].result(5) == [2]
        for future in futures[1:]:
            with pytest.raises(InternalError, match="no room"):
                future.result(5)
    assert a_recorder(factory).insert_events(stream(1)) == [3]


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_has_its_own_thread_and_connections(
    factory: ScriptedFactory, env: dict[str, str]
) -> None:
    recorder = a_recorder(factory)
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.write(write, str(recorder.insert_events(stream(1))).encode())
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    assert os.read(read, 100) == b"[2]"
    assert recorder.insert_events(stream(1)) == [3]
