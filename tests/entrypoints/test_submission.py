"""Submitting an upload, or an old input again: one job each, and nothing that cannot become one."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from domain.context import acting
from domain.errors import InputRejected, PlanLimit
from domain.job import Job
from domain.plans import PLANS
from domain.service import AnnotationService
from tests.world import GOOD, World

OTHER = GOOD.replace(b"\tA\tT\t", b"\tA\tG\t")


class Free(AnnotationService):
    """With the plans as they are."""


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path, service=Free)


def again(world: World, job_id: UUID, upload_id: str = "") -> Job:
    with acting("user:x"):
        return world.gas.submission.submit_again(
            world.owner, job_id, upload_id=upload_id or uuid4().hex
        ).aggregate


def left(world: World) -> list[object]:
    """What was uploaded or copied and did not become a job."""
    return [*world.uploads.list("uploads/"), *world.gas.records.scan("upload")]


def test_running_again_leaves_no_copy_whether_it_is_accepted_or_refused(world: World) -> None:
    job, refused = world.submit(upload_id="u"), 0
    for _ in range(PLANS["free"].jobs_at_once + 5):
        try:
            again(world, job.id)
        except PlanLimit:
            refused += 1
    assert refused == 6
    assert left(world) == []


def test_running_again_twice_is_one_job_and_leaves_no_copy(world: World) -> None:
    job = world.submit(upload_id="u")
    assert again(world, job.id, "same").id == again(world, job.id, "same").id != job.id
    assert left(world) == []


def test_an_input_the_plan_no_longer_takes_is_not_copied(world: World) -> None:
    job = world.submit(upload_id="u")
    small = dataclasses.replace(PLANS["free"], input_bytes=len(GOOD) - 1)
    world.gas.service.plan_of = lambda user: small  # type: ignore[method-assign]
    copied: list[str] = []
    world.uploads.copy_from = lambda *args, **_: copied.append(args[2])  # type: ignore[assignment]
    with pytest.raises(InputRejected, match="bytes"):
        again(world, job.id)
    assert (copied, left(world)) == ([], [])


class Overtaken:
    """Uploads whose first look comes only after something else happened."""

    def __init__(self, uploads: Any, meanwhile: Callable[[], None]) -> None:
        self._uploads = uploads
        self._meanwhile = [meanwhile]

    def __getattr__(self, name: str) -> Any:
        return getattr(self._uploads, name)

    def head(self, key: str) -> Any:
        if self._meanwhile:
            self._meanwhile.pop()()
        return self._uploads.head(key)


def test_two_submits_of_one_upload_at_once_never_replace_the_accepted_input(world: World) -> None:
    """Between them other bytes were sent to the same place, as its form allows for an hour."""
    submission = world.gas.submission
    accepted: list[Job] = []

    def submit(upload_to: Any) -> Job:
        theirs = dataclasses.replace(world.gas.uploading, uploads=upload_to)
        rival = dataclasses.replace(submission, uploading=theirs)
        return rival.submit(world.owner, upload_id="u", reference="toy").aggregate

    def meanwhile() -> None:
        accepted.append(submit(world.uploads))
        world.gas.uploading.receive(world.owner, filename="f.vcf", data=OTHER, upload_id="u")

    with acting("user:x"):
        world.gas.uploading.receive(world.owner, filename="f.vcf", data=GOOD, upload_id="u")
        job = submit(Overtaken(world.uploads, meanwhile))
    assert job.id == accepted[0].id
    with world.files.open(job.input["key"], if_match=job.input["etag"]) as stream:
        assert stream.read() == GOOD
    world.settle()
    assert world.service.job(job.id).work == "completed"
    with acting("user:x"):
        world.service.request_deletion(job.id, owner=world.owner)
    world.settle()
    assert list(world.files.list(f"inputs/{job.id}")) == []
