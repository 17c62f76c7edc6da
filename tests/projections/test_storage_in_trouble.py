"""Outages, hopeless files, changed settings, restored logs: nothing floods or is lost."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from eventsourcing.persistence import StoredEvent

from adapters.archive_glacier_vault import Listed
from domain.context import acting
from domain.leases import LEASE
from domain.plans import OVERDUE_LASTS
from domain.ports import ArchiveFailed, Interrupted, RetrievalState
from entrypoints.archives import Archives
from entrypoints.housekeeping import tidy
from entrypoints.relay import POSITION, READER
from entrypoints.sweeper import Sweeper
from entrypoints.vault_inventory import is_needed
from projections.storage_due import due_by
from tests.cold_world import LATER, ColdWorld
from tests.memory import MemoryArchive
from tests.world import Fuse

OTHER = UUID(int=4711)


class StoreDown(Fuse):
    """No call of the event store gets an answer."""

    def pass_point(self, part: str = "") -> None:
        if part == "POPOApplicationRecorder":
            raise OSError("the store is down")


@pytest.fixture(params=[False, True], ids=["vault", "class"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> ColdWorld:
    return ColdWorld(tmp_path, in_place=request.param)


def lose_all_hints(world: ColdWorld) -> None:
    for queue in world.queues.values():
        queue.visible.clear()
        queue.held.clear()


def look_at_few(world: ColdWorld) -> None:
    """A sweeper that looks at three stored jobs at once."""
    gas = world.gas
    gas.__dict__["sweeper"] = Sweeper(
        gas.service, gas.views, gas.outlook, gas.queues, gas.clock, at_once=3
    )


def long_overdue(world: ColdWorld) -> None:
    """Rows that stay at the front for ever: what they wait for was due until some time ago."""
    world.say("past_due")
    world.run()
    world.wait(OVERDUE_LASTS + timedelta(days=400))
    world.run()


def thawing_for_hours(world: ColdWorld) -> None:
    world.archive.RETRIEVAL = timedelta(hours=12)
    world.upgrade()
    world.run()


@pytest.mark.parametrize("crowd", [long_overdue, thawing_for_hours])
def test_rows_that_stay_at_the_front_hide_nobody_elses(world: ColdWorld, crowd: Any) -> None:
    for n in range(6):
        world.annotated(upload_id=f"l{n}")
    world.wait()
    world.run()
    crowd(world)
    job = world.submit(upload_id="o", owner=OTHER)
    world.run()
    lose_all_hints(world)
    world.time_passes(LATER)
    lose_all_hints(world)
    look_at_few(world)
    for _ in range(6):
        world.time_passes(timedelta(seconds=16))
        world.run()
    assert world.job(job.id).storage == "archived"


def test_a_page_ends_where_the_next_begins(world: ColdWorld) -> None:
    jobs = {world.annotated(upload_id=str(n)) for n in range(7)}
    world.time_passes(LATER)
    world.keep_views()
    seen: list[UUID] = []
    after = ""
    for _ in range(4):
        page, after = due_by(world.views, world.now, after=after, limit=3)
        seen += page
        if not after:
            break
    assert sorted(seen, key=str) == sorted(jobs, key=str)


def test_a_hopeless_file_rests_for_a_day(world: ColdWorld) -> None:
    job_id = world.annotated()
    world.files.delete([(world.job(job_id).result or {})["key"]])
    world.time_passes(LATER)
    before = len(world.log())
    for _ in range(24):
        world.wait(timedelta(hours=1))
    assert len(world.log()) - before <= 4


def test_an_outage_of_the_archive_leaves_few_events_and_no_harm(world: ColdWorld) -> None:
    job_id = world.annotated()
    world.time_passes(LATER)
    store = world.archive.store

    def unreachable(file: Any) -> Any:
        raise ArchiveFailed("vault_unreachable")

    world.archive.store = unreachable  # type: ignore[method-assign]
    before = len(world.log())
    for _ in range(60):
        world.wait(timedelta(seconds=15))
    assert len(world.log()) - before < 20
    world.archive.store = store  # type: ignore[method-assign]
    world.wait(timedelta(minutes=11))
    assert world.archive_is_whole(job_id)


def test_an_archive_that_vanishes_while_thawing_is_said(world: ColdWorld) -> None:
    job_id = world.thawing()

    def gone(ref: Any, file: Any, retrieval_id: str) -> Any:
        raise ArchiveFailed("archive_missing", retryable=False)

    world.archive.state = gone  # type: ignore[method-assign]
    world.wait()
    assert world.job(job_id).thaw_failure == {"reason": "archive_missing", "retryable": False}


def test_a_retrieval_that_failed_is_asked_for_again(world: ColdWorld) -> None:
    job_id = world.thawing()
    state = world.archive.state
    world.archive.state = lambda *_: RetrievalState.FAILED  # type: ignore[method-assign]
    world.wait()
    failed = world.job(job_id)
    assert (failed.storage, failed.thaw_failure) == (
        "archived",
        {"reason": "retrieval_failed", "retryable": True},
    )
    world.archive.state = state  # type: ignore[method-assign]
    world.wait()
    world.wait()
    assert world.result_is_whole(job_id)


def test_an_in_place_move_that_was_begun_is_finished_under_any_setting(tmp_path: Path) -> None:
    """A worker stands still before its copy, the archive is changed, the owner upgrades, and then
    the old request goes through."""
    world = ColdWorld(tmp_path, in_place=True)
    old, new = world.archive, MemoryArchive(world.files, world.clock)
    job_id = world.annotated()
    world.time_passes(LATER)
    with acting("worker:old"):
        world.service.store_result(job_id, lambda job: job.start_archive(attempt=1, in_place=True))
    file = world.job(job_id).cold_file()
    makers: Any = {"s3_glacier": lambda: old, "glacier_vault": lambda: new}
    world.archive = Archives("glacier_vault", makers)  # type: ignore[assignment]
    world.restart()
    world.upgrade()
    world.run()
    if world.files.head(file.key):
        old.store(file)
    for _ in range(4):
        world.wait()
    assert world.result_is_whole(job_id)


def test_an_inventory_keeps_the_only_copy_of_a_result_the_log_has_forgotten(
    tmp_path: Path,
) -> None:
    """The log was restored to the point before the archive was recorded."""
    world = ColdWorld(tmp_path)
    job_id = world.archived()
    (archive,) = world.archive.vault
    before = world.events_of(job_id).index("job.archive_started.v1")

    class Earlier:
        def job(self, job_id: UUID) -> Any:
            return world.service.job(job_id, version=before)

    listed = Listed(archive, world.now, job_id, 1)
    earlier: Any = Earlier()
    assert is_needed(earlier, world.files, listed)
    world.files.put((world.job(job_id).result or {})["key"], b"it is there")
    assert not is_needed(earlier, world.files, replace(listed, attempt=0))


def test_housekeeping_stops_when_the_log_is_younger_than_what_was_published(
    tmp_path: Path,
) -> None:
    world = ColdWorld(tmp_path)
    world.annotated()
    world.files.put("results/00000000-0000-4000-8000-000000000000/1/x", b"of a forgotten job")
    world.records.put(POSITION, READER, value={"position": 10_000})
    world.time_passes(timedelta(days=3650))
    assert tidy(world.gas) == {}
    assert len(world.heads()) > 2


def test_one_unreadable_job_does_not_end_the_sweep(world: ColdWorld) -> None:
    jobs = [world.annotated(upload_id=str(n)) for n in range(3)]
    world.time_passes(LATER)
    world.keep_views()
    lose_all_hints(world)
    newer = StoredEvent(jobs[0], world.job(jobs[0]).version + 1, "job.of_a_newer_version.v1", b"{}")
    world.recorder.insert_events([newer])
    assert world.gas.sweeper.sweep() == 2


def test_a_store_that_cannot_be_read_at_all_ends_the_sweep(world: ColdWorld) -> None:
    for n in range(9):
        world.annotated(upload_id=str(n))
    world.time_passes(LATER)
    world.keep_views()

    world.start(StoreDown())
    with pytest.raises(OSError, match="the store is down"):
        world.gas.sweeper.sweep()


def test_a_stopped_worker_puts_a_subscriptions_hint_back(world: ColdWorld) -> None:
    for n in range(4):
        world.annotated(upload_id=str(n))
    world.wait()
    world.run()
    world.upgrade()
    subscription = world.service.subscription(world.owner)
    assert subscription is not None
    work = world.gas.work("restoration", "one")
    with pytest.raises(Interrupted):
        work.attend(subscription.id, at_least=1, stopping=lambda: True)
    world.time_passes(LEASE)
    work.attend(subscription.id, at_least=1, stopping=lambda: False)
    assert len(world.queues["restoration"].visible) >= 4
