"""The fault-injecting client really injects, and what it injects is survived."""

from __future__ import annotations

from typing import Any

from eventsourcing.persistence import StoredEvent

from tests.adapters.event_store_dynamodb.events import a_factory, a_recorder, stream
from tests.adapters.event_store_dynamodb.faults import EVERY_FAULT, FaultyFactory

FAULTS = "tests.adapters.event_store_dynamodb.faults"


def test_every_kind_of_fault_fires_and_nothing_is_lost_or_doubled(
    env: dict[str, str], closing: list[Any]
) -> None:
    factory = a_factory(env, PERSISTENCE_MODULE=FAULTS, FAULTS="2")
    closing.append(factory)
    recorder = a_recorder(factory)
    assert isinstance(factory, FaultyFactory)
    written: list[StoredEvent] = []
    while not set(EVERY_FAULT) <= set(factory.faults.fired) or len(written) < 50:
        events = stream(2)
        written += events
        assert recorder.insert_events(events) == [len(written) - 1, len(written)]
        assert len(written) < 2000, f"not every fault fired: {factory.faults.fired}"
    read = recorder.select_notifications(1, len(written) + 10)
    assert [(n.originator_id, n.originator_version, n.state) for n in read] == [
        (e.originator_id, e.originator_version, e.state) for e in written
    ]
