"""Upgrades, ends and deletions that meet an archive or a restore half-way: all end right."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest

from domain.context import acting
from domain.leases import LEASE
from tests.cold_world import GRACE, LATER, ColdWorld
from tests.conftest import SOAK
from tests.interleavings import Fault, break_down, kill
from tests.world import Killed


@pytest.fixture(params=[False, True], ids=["vault", "class"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> ColdWorld:
    return ColdWorld(tmp_path, in_place=request.param)


def restored(world: ColdWorld, job_id: UUID) -> bool:
    """Whether the result is back, for good and whole, once the retrieval had its time."""
    world.run()
    world.wait()
    world.wait(GRACE)
    job = world.job(job_id)
    return world.result_is_whole(job_id) and job.archive is None and job.archive_due is None


def delete(world: ColdWorld, job_id: UUID) -> None:
    with acting("user:x"):
        world.service.request_deletion(job_id, owner=world.owner)


def gone(world: ColdWorld, job_id: UUID) -> bool:
    for _ in range(3):
        world.time_passes(LEASE)
        world.run()
    return world.job(job_id).deleted and world.heads() == [] and world.archive.vault == {}


def test_a_free_result_is_readable_for_its_time_and_archived_then(world: ColdWorld) -> None:
    job_id = world.annotated()
    due = world.job(job_id).archive_due
    assert due == (world.job(job_id).finished_at or world.now) + timedelta(seconds=300)
    world.wait(timedelta(seconds=299))
    assert world.result_is_whole(job_id)
    world.wait(timedelta(seconds=2))
    assert world.job(job_id).storage == "archived"
    assert world.archive_is_whole(job_id)


def test_upgrade_while_running(world: ColdWorld) -> None:
    job = world.submit(upload_id="u")
    world.relay()
    world.start(Fault("MemoryAnnotator", 3, world.upgrade))
    world.run()
    world.wait(GRACE)
    assert world.job(job.id).archive_due is None
    assert world.result_is_whole(job.id)
    assert "job.archive_started.v1" not in world.events_of(job.id)


def test_upgrade_while_scheduled(world: ColdWorld) -> None:
    job_id = world.annotated()
    world.upgrade()
    world.wait(GRACE)
    assert world.events_of(job_id)[-2:] == [
        "job.archive_scheduled.v1",
        "job.archive_unscheduled.v1",
    ]
    assert world.result_is_whole(job_id)


@pytest.mark.parametrize("point", [1, 2])
def test_upgrade_while_being_archived(world: ColdWorld, point: int) -> None:
    job_id = world.annotated()
    world.time_passes(LATER)
    world.start(Fault("MemoryArchive", point, world.upgrade))
    world.run()
    assert restored(world, job_id)


@pytest.mark.parametrize("point", [1, 2])
def test_upgrade_when_the_archiving_worker_was_killed(world: ColdWorld, point: int) -> None:
    job_id = world.annotated()
    world.time_passes(LATER)
    world.start(Fault("MemoryArchive", point, kill))
    with pytest.raises(Killed):
        world.run()
    assert world.job(job_id).storage == "archiving"
    world.upgrade()
    world.restart()
    assert restored(world, job_id)


def test_upgrade_when_archived(world: ColdWorld) -> None:
    job_id = world.archived()
    world.upgrade()
    assert restored(world, job_id)


def test_upgrade_end_and_upgrade_again_while_thawing(world: ColdWorld) -> None:
    job_id = world.thawing()
    world.end()
    world.run()
    world.upgrade()
    assert restored(world, job_id)


def test_the_end_while_thawing_lets_it_finish_and_archives_after_the_grace(
    world: ColdWorld,
) -> None:
    job_id = world.thawing()
    world.end()
    world.run()
    world.wait()
    assert world.result_is_whole(job_id)
    world.wait(GRACE - LATER - timedelta(minutes=1))
    assert world.result_is_whole(job_id)
    world.wait()
    assert world.job(job_id).storage == "archived"
    assert world.archive_is_whole(job_id)


def test_the_end_while_running(world: ColdWorld) -> None:
    world.upgrade()
    job = world.submit(upload_id="u")
    world.relay()
    world.start(Fault("MemoryAnnotator", 3, world.end))
    world.run()
    assert world.result_is_whole(job.id)
    world.wait(GRACE)
    world.run()
    assert world.job(job.id).storage == "archived"


def test_whoever_stops_paying_again_and_again_loses_nothing(world: ColdWorld) -> None:
    job_id = world.archived()
    for _ in range(3):
        world.upgrade()
        assert restored(world, job_id)
        world.end()
        world.wait(GRACE)
        world.wait()
        assert world.job(job_id).storage == "archived"
        assert world.archive_is_whole(job_id)
    assert len(world.archive.vault) <= 1


def test_overdue_payment_keeps_results_until_its_grace_ends(world: ColdWorld) -> None:
    world.upgrade()
    job_id = world.annotated()
    world.say("past_due")
    world.wait(timedelta(days=13))
    assert world.result_is_whole(job_id)
    world.wait(timedelta(days=2))
    assert world.result_is_whole(job_id)
    world.wait(GRACE)
    world.run()
    assert world.job(job_id).storage == "archived"


@pytest.mark.parametrize("part", ["MemoryArchive", "MemoryObjects", "POPOApplicationRecorder"])
@pytest.mark.parametrize("state", ["archiving", "thawing", "restoring"])
def test_deletion_that_meets_a_move_leaves_nothing(world: ColdWorld, part: str, state: str) -> None:
    for point in range(1, 9):
        fresh = ColdWorld(world.tmp_path, in_place=world.archive.in_place)
        job_id = PREPARED[state](fresh)
        fresh.start(Fault(part, point, lambda: delete(fresh, job_id)))  # noqa: B023
        fresh.run()
        with suppress(Exception):
            delete(fresh, job_id)
        assert gone(fresh, job_id), (part, point)


def _to_be_archived(world: ColdWorld) -> UUID:
    job_id = world.annotated()
    world.time_passes(LATER)
    return job_id


def _to_be_thawed(world: ColdWorld) -> UUID:
    job_id = world.archived()
    world.upgrade()
    return job_id


def _to_be_restored(world: ColdWorld) -> UUID:
    job_id = world.thawing()
    world.time_passes(LATER)
    return job_id


PREPARED: dict[str, Callable[[ColdWorld], UUID]] = {
    "archiving": _to_be_archived,
    "thawing": _to_be_thawed,
    "restoring": _to_be_restored,
}


@pytest.mark.parametrize("state", ["archiving", "thawing", "restoring"])
def test_two_workers_with_one_hint_move_once(world: ColdWorld, state: str) -> None:
    job_id = PREPARED[state](world)
    world.keep_views()
    world.gas.sweeper.sweep()
    for queue in world.queues.values():
        queue.visible += queue.visible
    for _ in range(4):
        for name in world.queues:
            world.work(name, "one")
            world.work(name, "two")
    world.run()
    events = world.events_of(job_id)
    for moved in ("job.archived.v1", "job.thaw_requested.v1", "job.restored.v1"):
        assert events.count(moved) <= 1
    assert len(world.archive.vault) <= 1


@pytest.mark.parametrize("state", ["archiving", "thawing", "restoring"])
@pytest.mark.parametrize("happen", [kill, break_down], ids=["killed", "broken"])
def test_a_move_that_ends_at_any_point_is_finished_and_recorded_once(
    world: ColdWorld, state: str, happen: Callable[[], None]
) -> None:
    recorded = {
        "archiving": "job.archived.v1",
        "thawing": "job.thaw_started.v1",
        "restoring": "job.restored.v1",
    }[state]
    for point in range(1, 2000, 1 if SOAK else 9):
        fresh = ColdWorld(world.tmp_path, in_place=world.archive.in_place)
        job_id = PREPARED[state](fresh)
        fuse = Fault("", point, happen)
        fresh.start(fuse)
        with suppress(Killed, OSError):
            fresh.run()
        fresh.restart()
        fresh.run()
        assert fresh.events_of(job_id).count(recorded) == 1, point
        if not fuse.fired:
            return
    raise AssertionError("it never ran through")


@pytest.mark.parametrize("state", ["archiving", "thawing", "restoring"])
def test_a_worker_paused_past_its_lease_harms_nothing(world: ColdWorld, state: str) -> None:
    """While it stands still the result goes to the cold, comes back, and goes again."""
    for point in range(1, 15):
        fresh = ColdWorld(world.tmp_path, in_place=world.archive.in_place)
        job_id = PREPARED[state](fresh)

        def meanwhile(fresh: ColdWorld = fresh) -> None:
            held, recorder = fresh.gas, fresh.service.events.recorder
            fresh.start()
            fresh.time_passes(LEASE + timedelta(seconds=1))
            for _ in range(2):
                fresh.upgrade()
                fresh.run()
                fresh.wait()
                fresh.end()
                fresh.wait(GRACE)
                fresh.wait()
            fresh.upgrade()
            fresh.run()
            fresh.wait()
            fresh.gas, fresh.service.events.recorder = held, recorder

        fuse = Fault("MemoryArchive", point, meanwhile)
        fresh.start(fuse)
        fresh.run()
        if not fuse.fired:
            assert point > 2, "it was never paused"
            return
        assert restored(fresh, job_id), point
