"""Keeping the views: always a replay of the log up to their position."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from domain.context import acting
from domain.plans import POLICY
from entrypoints.bootstrap import Gas
from entrypoints.rebuilding import differences
from entrypoints.views import await_position, catch_up, follow_policy, rebuild, run_views
from projections.job_views import JOBS, all_views
from projections.storage_due import STORAGE_DUE
from tests.entrypoints.api.jobs import views_caught_up
from tests.entrypoints.running import a_gas, kept_views
from tests.memory import MemoryViews
from tests.world import GOOD, World


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def end(gas: Gas) -> int:
    return gas.service.recorder.max_notification_id() or 0


def submit(gas: Gas, upload_id: str) -> None:
    from uuid import UUID

    owner = UUID(int=7)
    with acting(f"user:{owner}"):
        gas.uploading.receive(owner, filename="f", data=GOOD, upload_id=upload_id)
        gas.submission.submit(owner, upload_id=upload_id, reference="toy")


def test_what_is_recorded_is_seen_without_waiting_for_a_poll(tmp_path: Path) -> None:
    gas = a_gas(tmp_path)
    with kept_views(gas):
        submit(gas, "first")
        views_caught_up(gas)
        began = time.monotonic()
        submit(gas, "second")
        assert await_position(gas.views, JOBS, end(gas), seconds=10)
        assert time.monotonic() - began < 5


def test_two_keepers_at_once_end_as_one_would(tmp_path: Path) -> None:
    gas = a_gas(tmp_path)
    stop = threading.Event()
    keepers = [
        threading.Thread(
            target=run_views,
            args=[gas.service, gas.views, gas.kept_views],
            kwargs={"stopping": stop.is_set, "pulse": gas.pulse},
        )
        for _ in range(2)
    ]
    for keeper in keepers:
        keeper.start()
    try:
        for n in range(8):
            submit(gas, f"u{n}")
        views_caught_up(gas)
    finally:
        stop.set()
        for keeper in keepers:
            keeper.join()
    scratch = MemoryViews()
    for view in gas.kept_views:
        assert differences(gas, view.name, scratch) == []


def test_waiting_for_a_position_gives_up(tmp_path: Path) -> None:
    gas = a_gas(tmp_path)
    assert await_position(gas.views, JOBS, 0, seconds=0) is True
    assert await_position(gas.views, JOBS, 1, seconds=0.05) is False


def test_a_view_can_be_brought_up_to_a_position_and_no_further(world: World) -> None:
    for n in range(3):
        world.submit(upload_id=f"u{n}")
    (view, *_) = world.gas.kept_views
    assert catch_up(world.service, world.views, view, until=2) == 2
    assert len(world.views.query(view.name, "job")) == 2
    assert catch_up(world.service, world.views, view) == 3


def test_a_rebuilt_view_is_the_live_one(world: World) -> None:
    world.submit(upload_id="a")
    world.submit(data=b"bad", upload_id="b")
    world.settle()
    for view in world.gas.kept_views:
        before = sorted(map(str, world.views.scan(view.name)))
        assert rebuild(world.service, world.views, view) == world.views.position(view.name)
        assert sorted(map(str, world.views.scan(view.name))) == before


def test_one_event_at_a_time_gives_the_same_rows_as_all_at_once(world: World) -> None:
    world.submit(upload_id="a")
    world.submit(data=b"bad", upload_id="b")
    world.settle()
    stepwise, at_once = MemoryViews(), MemoryViews()
    for n in range(1, len(world.log()) + 1):
        for view in all_views(world.service, stepwise, POLICY):
            catch_up(world.service, stepwise, view, until=n)
    for view in all_views(world.service, at_once, POLICY):
        catch_up(world.service, at_once, view)
        assert sorted(stepwise.scan(view.name)) == sorted(at_once.scan(view.name)), view.name


def test_a_view_made_under_another_policy_is_made_anew(world: World) -> None:
    world.submit(upload_id="a")
    world.settle()
    gas = world.gas
    (view,) = (view for view in gas.kept_views if view.name == STORAGE_DUE)
    assert follow_policy(gas.service, gas.views, gas.records, view, "300 s")
    assert not follow_policy(gas.service, gas.views, gas.records, view, "300 s")
    world.views.rows[STORAGE_DUE].clear()
    assert follow_policy(gas.service, gas.views, gas.records, view, "20 s")
    assert list(world.views.scan(STORAGE_DUE))
