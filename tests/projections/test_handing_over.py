"""A hint that comes while its job is leased is forgotten; whoever leaves makes up for it."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from domain.context import acting
from domain.job import Job
from projections.listeners import QUEUE_OF
from tests.builders import paid
from tests.world import Generous, World


class Meanwhile(World):
    """Hints arrive while a step is under way."""

    def __init__(self, tmp_path: Path) -> None:
        super().__init__(tmp_path, service=Generous)

    def everything_arrives(self) -> None:
        """All that was recorded is published and every hint of other queues is handled."""
        self.relay()
        self.keep_views()
        for queue in ("archival", "restoration", "erasure"):
            while self.work(queue, worker="another"):
                pass


def hints(world: World, queue: str) -> int:
    return len(world.queues[queue].visible)


def released_late(world: Meanwhile) -> None:
    """A worker records, and its lease lives on until everything has arrived."""
    leases = world.gas.leases
    release = leases.release

    def late(lease: Any) -> None:
        world.everything_arrives()
        release(lease)

    leases.release = late  # type: ignore[method-assign]


@pytest.fixture
def world(tmp_path: Path) -> Meanwhile:
    return Meanwhile(tmp_path)


def annotated(world: Meanwhile) -> Job:
    job = world.submit(upload_id="u")
    world.relay()
    world.keep_views()
    world.work("annotation")
    return job


def test_an_annotator_that_leaves_late_has_the_archive_scheduled(world: Meanwhile) -> None:
    released_late(world)
    annotated(world)
    assert hints(world, "archival") == 1


def test_an_archiver_that_leaves_late_has_a_payer_s_result_brought_back(world: Meanwhile) -> None:
    job = annotated(world)
    world.everything_arrives()
    world.time_passes(timedelta(minutes=6))
    remove = world.archive.remove_source

    def and_somebody_pays(file: Any) -> None:
        remove(file)
        with acting("system:billing"):
            told = paid(user=job.owner)
            world.service.apply_billing(job.owner, message="evt_1", ask=lambda: told)

    world.archive.remove_source = and_somebody_pays  # type: ignore[method-assign]
    released_late(world)
    world.work("archival")
    assert world.service.job(job.id).source_removed
    assert hints(world, "restoration") == 1


def test_nothing_is_handed_over_when_nothing_is_due(world: Meanwhile) -> None:
    annotated(world)
    world.everything_arrives()
    queues = set(QUEUE_OF.values())
    assert {name: hints(world, name) for name in queues} == dict.fromkeys(queues, 0)
