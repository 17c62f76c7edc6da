"""Many callers, one transaction; nobody hangs, nothing is written twice."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError
from eventsourcing.persistence import (
    DataError,
    IntegrityError,
    InternalError,
    StoredEvent,
    Tracking,
)

from adapters.event_store_dynamodb.committer import Append, share
from adapters.event_store_dynamodb.errors import Busy, Closed, OutcomeUnknown
from adapters.event_store_dynamodb.table import key_of
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


def denied(_: Any, __: Any) -> Any:
    raise ClientError({"Error": {"Code": "ExpiredTokenException"}}, "TransactWriteItems")


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
    assert writes(factory) == 2  # the loser's place was just filled


def test_no_append_overtakes_one_that_waits_for_the_same_stream(factory: ScriptedFactory) -> None:
    def touching(*streams: str) -> Append:
        puts = [factory.table.put(key_of(name, 0)) for name in streams]
        return Append(stream(1), puts, bucket=512)

    first, second, third = touching("x"), touching("x", "y"), touching("y")
    assert share([first, second, third]) == ([first], [second, third])


def test_what_is_written_together_fits_into_a_bucket(
    env: dict[str, str], closing: list[Any]
) -> None:
    factory = scripted(env, DYNAMODB_BUCKET="4")
    closing.append(factory)
    with ThreadPoolExecutor(8) as pool:
        gate, futures = while_one_is_under_way(factory, pool, [stream(3) for _ in range(7)])
        gate.opened.set()
        assert sorted(ids for f in futures for ids in f.result(10)) == list(range(1, 22))
    fresh = a_recorder(a_factory(env))
    assert fresh.max_notification_id() == 21
    for start in range(1, 22):
        assert next(iter(fresh.select_notifications(start, 2))).id == start


def test_who_loses_every_race_is_told_in_time(
    factory: ScriptedFactory, env: dict[str, str]
) -> None:
    rival = a_recorder(a_factory(env))

    def faster(client: Any, request: dict[str, Any]) -> Any:
        rival.insert_events(stream(1))
        return client.transact_write_items(**request)

    factory.table.timeout = 0.3
    factory.scripted.script[WRITE] = [faster] * 1000
    with pytest.raises(Busy, match="faster for too long; nothing was written"):
        a_recorder(factory).insert_events(stream(1))


def test_who_waits_for_a_place_that_was_filled_is_told_without_a_request(
    factory: ScriptedFactory,
) -> None:
    contested = uuid4()
    calls = [[event(contested, 1)] for _ in range(20)]
    with ThreadPoolExecutor(20) as pool:
        gate, futures = while_one_is_under_way(factory, pool, calls)
        gate.opened.set()
        outcomes = [type(f.exception(10)) for f in futures]
    assert outcomes.count(IntegrityError) == 19
    assert writes(factory) == 1
    assert a_recorder(factory).insert_events(stream(1)) == [3]


def test_who_waits_behind_one_that_a_rival_beat_is_told_too(
    factory: ScriptedFactory, env: dict[str, str]
) -> None:
    contested = uuid4()
    calls = [stream(1), *([event(contested, 1)] for _ in range(10))]
    with ThreadPoolExecutor(20) as pool:
        gate, futures = while_one_is_under_way(factory, pool, calls)
        a_recorder(a_factory(env)).insert_events([event(contested, 1)])
        gate.opened.set()
        outcomes = [type(f.exception(10)) for f in futures]
    assert outcomes == [type(None)] + [IntegrityError] * 10
    assert writes(factory) <= 4  # the held one, its repetition behind the rival, and one refusal


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


@pytest.mark.parametrize(
    ("then", "named"), [(denied, "ExpiredToken"), (conflict, "TransactionConflict")]
)
def test_an_unknown_outcome_stays_unknown_whatever_the_next_answer_is(
    factory: ScriptedFactory, then: Any, named: str
) -> None:
    recorder = a_recorder(factory)
    factory.scripted.script[WRITE] = [applied_but_lost, then]
    assert recorder.insert_events(stream(1)) == [2]
    factory.table.timeout = 0.2
    factory.scripted.script[WRITE] = [lost] + [then] * 1000
    with pytest.raises(OutcomeUnknown, match=named):
        recorder.insert_events(stream(1))


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


@pytest.mark.parametrize(
    ("poison", "tracking"),
    [
        (event(uuid4(), 1, topic="\x01" * 100_000), None),
        (event(uuid4(), 1, topic="\ud800"), None),
        (event(uuid4(), 1), Tracking("a name that is too long" * 100, 1)),
    ],
    ids=["wide", "no text", "long name"],
)
def test_an_append_that_is_not_accepted_fails_alone(
    factory: ScriptedFactory, poison: StoredEvent, tracking: Tracking | None
) -> None:
    recorder, gate = a_process_recorder(factory), Gate()
    factory.scripted.script[WRITE] = [gate]
    with ThreadPoolExecutor(4) as pool:
        futures = [pool.submit(recorder.insert_events, stream(1))]
        assert gate.reached.wait(5)
        futures += [pool.submit(recorder.insert_events, stream(1)) for _ in range(2)]
        poisoned = pool.submit(recorder.insert_events, [poison], tracking=tracking)
        while len(factory.committers.get()._waiting) + poisoned.done() < 3:
            time.sleep(0.01)
        gate.opened.set()
        assert isinstance(poisoned.exception(10), DataError)
        assert sorted(ids for future in futures for ids in future.result(10)) == [2, 3, 4]


def run(env: dict[str, str], program: str) -> str:
    """What a program of its own prints; it begins with a recorder on the table of ``env``."""
    begin = (
        "import os, threading, time\n"
        "from tests.adapters.event_store_dynamodb.events import a_recorder, scripted, stream\n"
        "from tests.adapters.event_store_dynamodb.test_group_commit import WRITE, conflict\n"
        "factory = scripted(dict(os.environ))\n"
        "recorder = a_recorder(factory)\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", begin + program],
        env={**os.environ, **env},
        cwd=Path(__file__).parents[3],
        check=False,
        capture_output=True,
        text=True,
        timeout=20,
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    return ran.stdout


def test_a_thread_that_outlives_the_main_one_can_append(env: dict[str, str]) -> None:
    program = (
        "def late():\n"
        "    threading.main_thread().join()\n"
        "    print(recorder.insert_events(stream(1)))\n"
        "recorder.insert_events(stream(1))\n"
        "threading.Thread(target=late).start()\n"
    )
    assert run(env, program) == "[2]\n"


def test_the_end_of_a_program_waits_for_no_append(env: dict[str, str]) -> None:
    program = (
        "factory.scripted.script[WRITE] = [conflict] * 10_000\n"
        "threading.Thread(target=recorder.insert_events, args=[stream(1)], daemon=True).start()\n"
        "while len(factory.scripted.requests) < 5: time.sleep(0.01)\n"
    )
    assert run({**env, "DYNAMODB_TIMEOUT": "60"}, program) == ""


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
