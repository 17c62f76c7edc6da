"""Kill the service at every point of a whole run, start it again, and look at what is left."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from pathlib import Path

import pytest

from domain.job import Job
from domain.service import job_id_for
from entrypoints.views import rebuild
from projections.job_views import JOBS, OPEN_WORK
from tests.world import BAD, GOOD, Fuse, Killed, World


def run_all(world: World) -> None:
    """Two people's jobs, one of them no VCF; submitting is retried by whoever submits."""
    world.submit(GOOD, upload_id="good")
    world.submit(BAD, upload_id="bad")
    world.settle()


def points_of_a_run(tmp_path: Path) -> int:
    """How many points every run has; one that the machine makes slow looks at its job once more."""

    def points() -> int:
        world = World(tmp_path)
        run_all(world)
        return world.fuse.points

    return min(points() for _ in range(3))


def check_good(world: World) -> None:
    job = world.service.job(job_id_for(world.owner, "good"))
    assert job.work == "completed"
    events = world.events_of(job.id)
    assert events.count("job.submitted.v1") == 1
    assert events.count("job.annotation_completed.v1") == 1
    assert job.outcome is not None
    for file in job.outcome["files"].values():
        assert hashlib.sha256(world.file(file["key"])).hexdigest() == file["sha256"]
    assert world.file(job.outcome["files"]["result"]["key"]) == GOOD.upper()
    assert world.file(job.input["key"]) == GOOD


def check_bad(world: World) -> None:
    job = world.service.job(job_id_for(world.owner, "bad"))
    assert (job.work, job.failure and job.failure["code"]) == ("failed", "no_header")
    assert world.events_of(job.id).count("job.annotation_failed.v1") == 1


def check_views(world: World) -> None:
    assert world.views.query(OPEN_WORK, "open") == []
    live = {view.name: dict(world.views.rows.get(view.name, {})) for view in world.gas.kept_views}
    for view in world.gas.kept_views:
        rebuild(world.gas.service, world.views, view)
        assert world.views.rows.get(view.name, {}) == live[view.name], view.name
    assert len(world.views.query(JOBS, f"owner:{world.owner}")) == 2


def test_killed_at_any_point_every_accepted_job_ends_once(tmp_path: Path) -> None:
    points = points_of_a_run(tmp_path)
    assert points > 100
    for blow_at in range(1, points + 1):
        world = World(tmp_path)
        world.start(Fuse(blow_at))
        with pytest.raises(Killed):
            run_all(world)
        world.restart()
        run_all(world)
        check_good(world)
        check_bad(world)
        check_views(world)


def test_killed_twice_at_any_pair_of_points(tmp_path: Path) -> None:
    points = points_of_a_run(tmp_path)
    for first in range(1, points, 7):
        for second in range(1, 60, 11):
            world = World(tmp_path)
            for blow_at in (first, second):  # the second life may be too short for its kill
                world.start(Fuse(blow_at))
                with suppress(Killed):
                    run_all(world)
                world.restart()
            run_all(world)
            check_good(world)
            check_bad(world)


def test_a_deletion_killed_at_any_point_leaves_nothing(tmp_path: Path) -> None:
    for blow_at in range(1, 2000):
        world = World(tmp_path)
        job = world.submit(GOOD, upload_id="good")
        world.settle()
        world.start(Fuse(blow_at))
        done = _delete(world, job)
        world.restart()
        _delete(world, job)
        assert world.heads() == []
        assert world.records.get("label", str(job.id)) is None
        assert world.service.job(job.id).deleted
        assert world.events_of(job.id).count("job.deleted.v1") == 1
        if done:
            return
    raise AssertionError("the deletion never ran through")


def _delete(world: World, job: Job) -> bool:
    from domain.context import acting

    try:
        with acting("user:x"):
            world.gas.service.request_deletion(job.id, owner=world.owner)
        world.settle()
    except Killed:
        return False
    return True
