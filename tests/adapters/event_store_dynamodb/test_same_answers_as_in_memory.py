"""Any calls get the answers that the library's in-memory recorder gives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import pytest
from eventsourcing.persistence import IntegrityError, PersistenceError, StoredEvent, Tracking
from eventsourcing.popo import POPOProcessRecorder
from eventsourcing.utils import Environment
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.event_store_dynamodb.errors import OutOfOrder
from entrypoints.local.cloud import EmbeddedCloud
from tests.adapters.event_store_dynamodb.events import (
    SharingFactory,
    a_factory,
    a_process_recorder,
    settings_for,
)

ORIGINATORS: list[UUID | str] = [UUID(int=1), UUID(int=2), "an id, as text", "ünï#code"]
TOPICS = ["opened", "changed", "größer"]
STATES = st.one_of(
    st.sampled_from([b"", b'{"a":1}', "grün".encode(), b"\xff\xfe\x00"]), st.binary(max_size=40)
)


@st.composite
def appends(draw: st.DrawFn) -> list[tuple[list[StoredEvent], Tracking | None]]:
    """Appends that mostly succeed; some repeat a version, some leave one out, some are empty."""
    first = {o: draw(st.integers(0, 1)) for o in ORIGINATORS}
    calls = []
    for _ in range(draw(st.integers(1, 7))):
        events = []
        after = dict(first)
        for _ in range(draw(st.integers(0, 6))):
            originator = draw(st.sampled_from(ORIGINATORS))
            step = draw(st.sampled_from([0, 0, 0, 0, 0, 0, 1, -1]))
            version = after[originator] + step
            if version < 0:
                continue
            events.append(
                StoredEvent(originator, version, draw(st.sampled_from(TOPICS)), draw(STATES))
            )
            after[originator] = max(after[originator], version + 1)
        tracking = draw(st.none() | st.builds(Tracking, st.just("up"), st.integers(1, 9)))
        calls.append((events, tracking))
        first = after
    return calls


@dataclass(frozen=True)
class Refused:
    """An answer that is an `IntegrityError`."""


def answer(recorder: Any, call: tuple[list[StoredEvent], Tracking | None]) -> Any:
    events, tracking = call
    try:
        return recorder.insert_events(events, tracking=tracking)
    except IntegrityError:
        return Refused()


def leaves_out(recorder: POPOProcessRecorder, events: list[StoredEvent]) -> bool:
    """Whether a stream would not run from 0 or 1 on, version by version: the one thing refused."""
    for originator in {e.originator_id for e in events}:
        known = {e.originator_version for e in recorder.select_events(originator)}
        new = {e.originator_version for e in events if e.originator_id == originator}
        first, every = min(known or new), known | new
        if first > 1 or min(new) < first or len(every) <= max(every) - first:
            return True
    return False


def repeats(recorder: POPOProcessRecorder, events: list[StoredEvent]) -> bool:
    """Whether a version comes twice."""
    places = [(e.originator_id, e.originator_version) for e in events]
    known = (e for originator, _ in places for e in recorder.select_events(originator))
    taken = {(e.originator_id, e.originator_version) for e in known}
    return len(set(places)) < len(places) or not taken.isdisjoint(places)


@pytest.fixture(scope="module")
def module_env(cloud: EmbeddedCloud) -> dict[str, str]:
    """One table for all examples, an application's name for each."""
    return settings_for(cloud)


@pytest.fixture(scope="module")
def client(module_env: dict[str, str]) -> Any:
    """One client, and a table that exists."""
    factory = a_factory(module_env)
    factory.table.ensure()
    module_env["CREATE_TABLE"] = "no"
    return factory.table.client


POSITIONS = st.none() | st.integers(-2, 45)


any_calls = given(
    bucket=st.integers(2, 12),
    calls=appends(),
    pages=st.lists(
        st.tuples(
            POSITIONS,
            st.integers(1, 12),
            POSITIONS,
            st.lists(st.sampled_from(TOPICS), max_size=2),
            st.booleans(),
        ),
        min_size=3,
        max_size=8,
    ),
    loads=st.lists(
        st.tuples(
            st.sampled_from(ORIGINATORS),
            st.none() | st.integers(-1, 9),
            st.none() | st.integers(-1, 9),
            st.booleans(),
            st.none() | st.integers(1, 5),
        ),
        min_size=3,
        max_size=8,
    ),
)


def compare(
    module_env: dict[str, str],
    client: Any,
    *,
    bucket: int,
    calls: list[tuple[list[StoredEvent], Tracking | None]],
    pages: list[tuple[int | None, int, int | None, list[str], bool]],
    loads: list[tuple[UUID | str, int | None, int | None, bool, int | None]],
) -> None:
    name = f"app-{uuid4().hex}"
    own = {**module_env, "DYNAMODB_BUCKET": str(bucket)}
    other = {**module_env, "DYNAMODB_BUCKET": "100000"}  # what is stored counts
    factory = SharingFactory(Environment(name, own), client)
    fresh = SharingFactory(Environment(name, other), client)
    try:
        ours, memory = a_process_recorder(factory), POPOProcessRecorder()
        for call in calls:
            if not leaves_out(memory, call[0]):
                assert answer(ours, call) == answer(memory, call)
                continue
            expected = PersistenceError if repeats(memory, call[0]) else OutOfOrder
            with pytest.raises(expected):
                ours.insert_events(call[0], tracking=call[1])
        for recorder in (ours, a_process_recorder(fresh)):
            assert recorder.max_notification_id() == memory.max_notification_id()
            assert recorder.max_tracking_id("up") == memory.max_tracking_id("up")
            for start, limit, stop, topics, inclusive in pages:
                page: dict[str, Any] = {"topics": topics, "inclusive_of_start": inclusive}
                assert recorder.select_notifications(
                    start, limit, stop, **page
                ) == memory.select_notifications(start, limit, stop, **page)
            for originator, gt, lte, desc, most in loads:
                load: dict[str, Any] = {"gt": gt, "lte": lte, "desc": desc, "limit": most}
                wanted = sorted(
                    memory.select_events(originator, gt=gt, lte=lte),
                    key=lambda e: e.originator_version,
                    reverse=desc,
                )[:most]
                assert recorder.select_events(originator, **load) == wanted
    finally:
        factory.close()
        fresh.close()


@settings(max_examples=50)
@any_calls
def test_any_calls_get_the_answers_of_the_recorder_in_memory(
    module_env: dict[str, str], client: Any, **calls: Any
) -> None:
    compare(module_env, client, **calls)


@pytest.mark.soak
@pytest.mark.timeout(1800)
@settings(max_examples=2000)
@any_calls
def test_two_thousand_times_any_calls(
    module_env: dict[str, str], client: Any, **calls: Any
) -> None:
    compare(module_env, client, **calls)
