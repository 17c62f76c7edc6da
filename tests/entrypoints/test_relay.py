"""The relay: everything is published, in order, at least once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from domain.log import read_log
from entrypoints.relay import POSITION, READER, run_relay
from tests.world import OnePass, World


class Recording:
    """A bus that may fail before or after it has taken the events."""

    def __init__(self, *, fail: str = "") -> None:
        self.fail = fail
        self.taken: list[int] = []

    def publish(self, events: Sequence[Mapping[str, Any]]) -> None:
        if self.fail == "before":
            raise ConnectionError("before")
        self.taken += [int(event["sequence"]) for event in events]
        if self.fail == "after":
            raise ConnectionError("after")


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = World(tmp_path)
    for n in range(3):
        world.submit(upload_id=f"u{n}")
    return world


def relay(world: World, bus: Recording) -> None:
    pulse = OnePass()
    run_relay(world.gas.service, world.gas.records, bus, stopping=lambda: pulse.done, pulse=pulse)


def position(world: World) -> int:
    record = world.records.get(POSITION, READER)
    return record.value["position"] if record else 0


def test_every_event_is_published_once_and_in_order_when_nothing_goes_wrong(world: World) -> None:
    bus = Recording()
    relay(world, bus)
    relay(world, bus)
    world.submit(upload_id="later")
    relay(world, bus)
    assert bus.taken == [event.position for event in world.log()]


@pytest.mark.parametrize("fail", ["before", "after"])
def test_a_crash_around_publishing_repeats_and_never_skips(world: World, fail: str) -> None:
    bus = Recording(fail=fail)
    with pytest.raises(ConnectionError):
        relay(world, bus)
    assert position(world) == 0
    bus.fail = ""
    relay(world, bus)
    end = len(world.log())
    assert bus.taken[-end:] == list(range(1, end + 1))
    assert position(world) == end


def test_more_than_one_batch_is_published_whole(tmp_path: Path) -> None:
    world = World(tmp_path)
    job = world.submit(upload_id="u").id
    for attempt in range(1, 121):
        with_worker(world, job, attempt)
    bus = Recording()
    relay(world, bus)
    assert bus.taken == [event.position for event in read_log(world.service, after=0, limit=999)]
    assert len(bus.taken) > 100


def with_worker(world: World, job: Any, attempt: int) -> None:
    from domain.context import acting

    with acting("worker:test"):
        world.service.start_annotation(job, attempt=attempt, worker="w", provenance={})
