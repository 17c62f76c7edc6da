"""The sweeper: whatever is due and has no message on its way is hinted at."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from domain.context import acting
from domain.due import Step
from domain.leases import LEASE
from entrypoints.parts.works import WORKS
from projections.listeners import LISTENERS, QUEUE_OF
from tests.world import World


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_a_job_whose_hint_was_lost_is_found(world: World) -> None:
    job = world.submit(upload_id="u")
    world.keep_views()
    assert world.gas.sweeper.sweep() == 1
    assert world.gas.sweeper.sweep() == 0
    assert world.work("annotation")
    assert world.service.job(job.id).work == "completed"


def test_a_job_somebody_is_at_is_left_to_them_until_they_fall_silent(world: World) -> None:
    job = world.submit(upload_id="u")
    world.keep_views()
    assert world.gas.leases.take(job.id, attempt=1, worker="other")
    assert world.gas.sweeper.sweep() == 0
    world.now += LEASE + timedelta(seconds=1)
    assert world.gas.sweeper.sweep() == 1


def test_a_deletion_whose_hint_was_lost_is_found(world: World) -> None:
    job = world.submit(upload_id="u")
    world.settle()
    with acting("user:test"):
        world.service.request_deletion(job.id, owner=world.owner)
    world.keep_views()
    assert world.gas.sweeper.sweep() == 1
    assert world.work("erasure")
    assert world.service.job(job.id).deleted
    assert world.heads() == []


def test_finished_jobs_are_not_looked_at(world: World) -> None:
    world.submit(upload_id="u")
    world.settle()
    assert world.gas.sweeper.sweep() == 0
    assert world.queues["annotation"].depth().visible == 0


def test_every_queue_has_work_and_every_step_a_queue() -> None:
    assert set(WORKS) == set(LISTENERS)
    assert set(QUEUE_OF) == set(Step)
    assert set(QUEUE_OF.values()) <= set(LISTENERS)
