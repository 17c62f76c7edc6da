"""Housekeeping: what nobody will ask for goes, what an event names stays."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from domain.context import acting
from domain.job import Job
from entrypoints.housekeeping import tidy
from projections.leftovers import FORGOTTEN, OVERTAKEN
from tests.memory import MemoryObjects
from tests.world import World

MOMENT = timedelta(seconds=1)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def put(store: MemoryObjects, key: str, modified: datetime) -> None:
    """An object that was written then."""
    store.put(key, b"x")
    head, data = store.objects[key]
    store.objects[key] = (replace(head, modified=modified), data)


def age_everything(world: World) -> None:
    """All objects were written at the world's time."""
    for store in (world.uploads, world.files):
        for key, (head, data) in store.objects.items():
            store.objects[key] = (replace(head, modified=world.now), data)


def completed(world: World) -> Job:
    job = world.submit(upload_id=uuid4().hex)
    world.settle()
    age_everything(world)
    return world.service.job(job.id)


def keys(world: World) -> set[str]:
    return set(world.files.objects)


def test_what_a_jobs_events_name_is_never_touched(world: World) -> None:
    completed(world)
    before = keys(world)
    assert len(before) == 3
    world.now += timedelta(days=1000)
    tidy(world.gas)
    assert keys(world) == before


def test_pitfall_15_forgotten_uploads_go_after_a_day(world: World) -> None:
    put(world.uploads, "uploads/o/old", world.now)
    world.now += FORGOTTEN
    put(world.uploads, "uploads/o/new", world.now)
    tidy(world.gas)
    assert set(world.uploads.objects) == {"uploads/o/old", "uploads/o/new"}
    world.now += MOMENT
    assert tidy(world.gas)["uploads"] == 1
    assert set(world.uploads.objects) == {"uploads/o/new"}


def test_an_overtaken_attempts_files_go_once_the_job_is_finished(world: World) -> None:
    job = completed(world)
    left = f"results/{job.id}/{job.attempt + 1}/annotated.vcf.gz"
    put(world.files, left, world.now)
    world.now += OVERTAKEN
    assert tidy(world.gas)["files"] == 0
    world.now += MOMENT
    assert tidy(world.gas)["files"] == 1
    assert left not in keys(world)
    assert len(keys(world)) == 3


def test_files_of_a_job_under_way_stay(world: World) -> None:
    job = world.submit(upload_id="u")
    world.keep_views()
    age_everything(world)
    left = f"results/{job.id}/1/annotated.vcf.gz"
    put(world.files, left, world.now)
    world.now += timedelta(days=3)
    tidy(world.gas)
    assert {left, job.input["key"]} <= keys(world)


def test_files_of_no_known_job_go_after_a_day(world: World) -> None:
    for key in (f"inputs/{uuid4()}", f"results/{uuid4()}/1/log.txt", "inputs/not-an-id"):
        put(world.files, key, world.now)
    world.now += FORGOTTEN
    assert tidy(world.gas)["files"] == 0
    world.now += MOMENT
    assert tidy(world.gas)["files"] == 3
    assert keys(world) == set()


def test_a_view_that_lags_behind_costs_no_file(world: World) -> None:
    job = world.submit(upload_id="u")
    age_everything(world)
    world.now += timedelta(days=3)
    assert world.gas.views.get("jobs", "job", str(job.id)) is None
    tidy(world.gas)
    assert job.input["key"] in keys(world)


def test_what_a_late_worker_wrote_for_a_deleted_job_goes(world: World) -> None:
    job = completed(world)
    with acting("user:test"):
        world.service.request_deletion(job.id, owner=job.owner)
    world.settle()
    assert world.service.job(job.id).deleted
    put(world.files, f"results/{job.id}/1/annotated.vcf.gz", world.now)
    world.now += OVERTAKEN + MOMENT
    assert tidy(world.gas)["files"] == 1
    assert keys(world) == set()


def test_local_copies_of_tables_go_when_nobody_looks_at_them(world: World) -> None:
    copies = [world.gas.settings.tables_folder / f"{letter * 64}.parquet" for letter in "ab"]
    copies[0].parent.mkdir()
    for copy in copies:
        copy.write_bytes(b"x")
    os.utime(copies[0], (0, 0))
    assert tidy(world.gas)["tables"] == 1
    assert [copy.exists() for copy in copies] == [False, True]
