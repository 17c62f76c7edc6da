"""How such services lose jobs or get stuck; each way is a test here.

The docstrings name the pitfall as it was seen elsewhere.
"""

from __future__ import annotations

import io
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from domain.due import MAX_ATTEMPTS, MAX_FAILURES
from domain.errors import NotFound
from domain.ports import EngineFailed
from domain.service import job_id_for
from entrypoints.worker import Hint
from tests.world import BAD, GOOD, Fuse, Killed, MemoryAnnotator, World

TEN_MINUTES = timedelta(minutes=10)


class Breaking(MemoryAnnotator):
    """An engine that crashes a number of times before it works."""

    def __init__(self, times: int, error: Exception) -> None:
        self.times = times
        self.error = error

    def annotate(self, *args: Any, **kwargs: Any) -> Any:
        if self.times:
            self.times -= 1
            raise self.error
        return super().annotate(*args, **kwargs)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_pitfall_9_a_killed_worker_leaves_no_job_running_for_ever(tmp_path: Path) -> None:
    """The message is deleted as soon as the child process starts; a killed machine leaves
    "running" forever."""
    killed_while_running = 0
    for blow_at in range(1, 60):
        world = World(tmp_path)
        job = world.submit(upload_id="u")
        world.relay()
        world.keep_views()
        world.start(Fuse(blow_at))
        with suppress(Killed):
            world.work("annotation")
        world.restart()
        killed_while_running += world.service.job(job.id).work == "running"
        world.settle()
        assert world.service.job(job.id).work == "completed"
    assert killed_while_running > 5


def test_pitfall_9_an_engine_that_crashes_is_looked_at(world: World) -> None:
    """The child's exit is never looked at."""
    world.gas.__dict__["annotator"] = Breaking(1, EngineFailed("engine_crashed"))
    job = world.submit(upload_id="u")
    world.settle()
    assert world.events_of(job.id) == [
        "job.submitted.v1",
        "job.annotation_started.v1",
        "job.annotation_failed.v1",
        "job.annotation_started.v1",
        "job.annotation_completed.v1",
    ]


def test_pitfall_10_a_job_that_cannot_be_done_is_set_failed(world: World) -> None:
    """ "Failed" is never set."""
    rejected = world.submit(BAD, upload_id="bad")
    world.settle()
    assert world.service.job(rejected.id).work == "failed"
    world.gas.__dict__["annotator"] = Breaking(99, EngineFailed("engine_crashed"))
    crashing = world.submit(upload_id="crashing")
    world.settle()
    job = world.service.job(crashing.id)
    assert (job.work, job.failures) == ("failed", MAX_FAILURES)
    assert job.failure is not None
    assert job.failure["code"] == "engine_crashed"


def test_pitfall_10_a_job_that_takes_its_worker_down_each_time_is_given_up(world: World) -> None:
    job = world.submit(upload_id="u")
    world.gas.__dict__["annotator"] = Breaking(999, OSError("the disk is gone"))
    world.relay()
    world.keep_views()
    while world.service.job(job.id).work != "failed":
        world.work("annotation")
        world.queues["annotation"].redrive()
        world.time_passes(TEN_MINUTES)
    after = world.service.job(job.id)
    assert (after.work, after.attempt) == ("failed", MAX_ATTEMPTS)
    assert after.failure is not None
    assert after.failure["code"] == "gave_up"


def test_pitfall_11_poison_ends_in_the_dead_letter_queue_and_comes_back_on_redrive(
    world: World,
) -> None:
    """No dead-letter queue: poison loops for ever; or the opposite, any error deletes the
    message."""
    queue = world.queues["annotation"]
    queue.send("this is no hint")
    for _ in range(10):
        world.work("annotation")
        world.time_passes(TEN_MINUTES)
    assert (queue.depth().visible, queue.depth().dead) == (0, 1)
    assert queue.redrive() == 1
    assert queue.depth().visible == 1


def test_pitfall_12_the_worker_lives_after_a_bad_item(world: World) -> None:
    """The daemon dies on the first bad item."""
    queue = world.queues["annotation"]
    for body in ("", "[]", "{}", '{"partitionkey": 7}', "\x00", '{"partitionkey": "x"}'):
        queue.send(body)
    queue.send(Hint(job_id_for(world.owner, "nobody's"), 1).body())
    job = world.submit(upload_id="u")
    world.keep_views()
    queue.send(Hint(job.id, 1).body())
    while world.work("annotation"):
        pass
    assert world.service.job(job.id).work == "completed"
    assert queue.depth().in_flight == 7


def test_pitfall_13_what_is_published_is_stored_and_what_is_stored_is_published(
    world: World,
) -> None:
    """Published before stored, so the consumer finds nothing; stored but never published."""
    world.submit(upload_id="u")
    points = world.fuse.points
    world.relay()
    for blow_at in range(1, world.fuse.points - points + 1):
        again = World(world.tmp_path)
        job = again.submit(upload_id="u")
        again.start(Fuse(blow_at))
        with pytest.raises(Killed):
            again.relay()
        again.start()
        for body in [d.body for d in again.queues["annotation"].visible]:
            hint = Hint.parse(body)
            assert again.service.job(hint.job_id, at_least=hint.version)
        again.relay()
        published = [Hint.parse(d.body).job_id for d in again.queues["annotation"].visible]
        assert set(published) == {job.id}


def test_pitfall_14_submitting_again_changes_nothing(world: World) -> None:
    """Reloading a page resets the job."""
    first = world.submit(upload_id="u")
    world.settle()
    events = len(world.log())
    again = world.submit(upload_id="u")
    assert again.id == first.id
    assert again.work == "completed"
    assert len(world.log()) == events


def test_pitfall_14_an_upload_that_changes_after_submission_changes_nothing(world: World) -> None:
    job = world.submit(upload_id="u")
    world.uploads.put(f"uploads/{world.owner}/u", GOOD + GOOD)
    world.settle()
    assert world.file(job.input["key"]) == GOOD


def test_pitfall_14_nobody_can_submit_anothers_upload(world: World) -> None:
    from uuid import uuid4

    world.gas.uploading.receive(world.owner, filename="f.vcf", data=GOOD, upload_id="mine")
    with pytest.raises(NotFound, match="There is no such upload"):
        world.gas.submission.submit(uuid4(), upload_id="mine", reference="toy")


def test_pitfall_17_one_bad_message_in_a_batch_drops_no_other(world: World) -> None:
    """One early ``return`` in a batch of ten drops nine."""
    jobs = [world.submit(upload_id=str(n)) for n in range(9)]
    queue = world.queues["annotation"]
    queue.send("poison")
    world.settle()
    assert [world.service.job(job.id).work for job in jobs] == ["completed"] * 9


def test_an_input_that_is_gone_fails_its_job_and_no_other(world: World) -> None:
    gone = world.submit(upload_id="gone")
    fine = [world.submit(upload_id=str(n)) for n in range(3)]
    world.files.delete([gone.input["key"]])
    world.settle()
    assert [world.service.job(job.id).work for job in fine] == ["completed"] * 3
    after = world.service.job(gone.id)
    assert (after.work, (after.failure or {}).get("code")) == ("failed", "input_missing")


def test_a_job_whose_processing_always_breaks_does_not_hold_up_the_others(world: World) -> None:
    breaking = world.submit(GOOD + b"## breaks\n", upload_id="breaking")
    fine = [world.submit(upload_id=str(n)) for n in range(3)]

    class BreaksOnOne(MemoryAnnotator):
        def annotate(self, source: Any, **kwargs: Any) -> Any:
            data = source.read()
            if b"breaks" in data:
                raise OSError("no space left")
            return super().annotate(io.BytesIO(data), **kwargs)

    world.gas.__dict__["annotator"] = BreaksOnOne()
    world.relay()
    world.keep_views()
    while world.work("annotation"):
        pass
    assert [world.service.job(job.id).work for job in fine] == ["completed"] * 3
    assert world.service.job(breaking.id).work == "running"
