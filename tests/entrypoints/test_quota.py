"""The plan's counts hold, whatever happens at the same time."""

from __future__ import annotations

import dataclasses
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from adapters.records_sqlite import SqliteRecords
from domain.context import acting
from domain.errors import InputRejected, NotFound, PlanLimit
from domain.plans import PLANS, Plan
from domain.ports import Limits
from domain.service import AnnotationService, job_id_for
from entrypoints.bootstrap import Gas
from entrypoints.quota import Quota
from entrypoints.settings import Settings
from tests.cold_world import ColdWorld
from tests.memory import MemoryObjects
from tests.world import GOOD, MemoryAnnotator, Paid, World

FREE = PLANS["free"]


@pytest.fixture
def gas(tmp_path: Path) -> Gas:
    """On SQLite, where threads are real rivals; no view is ever brought up."""
    service = AnnotationService(
        {"PERSISTENCE_MODULE": "eventsourcing.popo"}, clock=lambda: datetime.now(UTC)
    )
    return Gas(
        Settings(data_dir=tmp_path),
        service=service,
        records=SqliteRecords(tmp_path / "r.db", now=lambda: 0.0),
        uploads=MemoryObjects(),
        files=MemoryObjects(),
        annotator=MemoryAnnotator(),
    )


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def submit(gas: Gas, owner: UUID, upload_id: str, data: bytes = GOOD) -> str:
    with acting(f"user:{owner}"):
        gas.uploading.receive(owner, filename="f.vcf", data=data, upload_id=upload_id)
        try:
            job = gas.submission.submit(owner, upload_id=upload_id, reference="toy").aggregate
        except PlanLimit as refused:
            return str(refused)
        return str(job.id)


def test_of_many_at_once_as_many_are_taken_as_the_plan_allows(gas: Gas) -> None:
    owner = uuid4()
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda n: submit(gas, owner, str(n)), range(25)))
    refused = [a for a in answers if "all the Free plan allows at once" in a]
    assert len(answers) - len(refused) == FREE.jobs_at_once
    assert "allows at once" not in submit(gas, uuid4(), "another person's")


def test_the_same_upload_counts_once(gas: Gas) -> None:
    owner = uuid4()
    assert len({submit(gas, owner, "same") for _ in range(30)}) == 1
    assert "allows" not in submit(gas, owner, "other")


def test_finished_jobs_make_room_and_the_days_count_stays(tmp_path: Path) -> None:
    world = World(tmp_path)
    quota = Quota(world.service, world.records, world.clock)
    for n in range(FREE.jobs_a_day):
        job_id = job_id_for(world.owner, str(n))
        quota.admit(world.owner, job_id, FREE)
        world.submit(upload_id=str(n))
        if n % FREE.jobs_at_once == FREE.jobs_at_once - 1:
            world.settle()
    with pytest.raises(PlanLimit, match="Submit again tomorrow"):
        quota.admit(world.owner, uuid4(), FREE)
    world.now = world.now.replace(day=world.now.day + 1)
    quota.admit(world.owner, uuid4(), FREE)


def test_a_refused_file_takes_no_room(gas: Gas) -> None:
    owner = uuid4()
    for n in range(30):
        gas.uploading.begin(owner, filename="f.vcf", upload_id=str(n))
        with pytest.raises((NotFound, InputRejected)):
            gas.submission.submit(owner, upload_id=str(n), reference="toy")
    assert "allows" not in submit(gas, owner, "good")


def test_two_people_with_one_upload_id_have_two_jobs(gas: Gas) -> None:
    one, other = uuid4(), uuid4()
    first, second = submit(gas, one, "same id"), submit(gas, other, "same id", GOOD + GOOD)
    assert first != second
    kept = gas.service.job(UUID(first)).input["key"]
    assert gas.files.first_bytes(kept, 10**6) == GOOD


def test_nothing_of_an_upload_stays_beside_its_job(gas: Gas) -> None:
    submit(gas, uuid4(), "u")
    assert list(gas.uploads.list()) == []
    assert list(gas.records.scan("upload")) == []


class Small(Paid):
    """Everybody may keep one small job."""

    name = "gas"

    def plan_of(self, user: UUID) -> Plan:
        return dataclasses.replace(PLANS["premium"], stored_bytes=len(GOOD) + 1)


def test_whoever_keeps_as_much_as_the_plan_allows_is_told_what_to_do(tmp_path: Path) -> None:
    world = World(tmp_path, service=Small)
    first = world.submit(upload_id="a")
    world.settle()
    used = world.gas.submission.usage(world.owner)
    assert used.bytes_stored == 2 * len(GOOD) + len("a log\n")
    with pytest.raises(PlanLimit, match="Delete a job you no longer need"):
        world.submit(upload_id="b")
    with acting("user:x"):
        world.gas.service.request_deletion(first.id, owner=world.owner)
    world.settle()
    assert world.gas.submission.usage(world.owner).bytes_stored == 0
    world.submit(upload_id="b")


def test_a_large_file_is_annotated_though_its_owner_no_longer_pays(tmp_path: Path) -> None:
    world = ColdWorld(tmp_path)
    world.upgrade()
    limits = []

    class Noting(MemoryAnnotator):
        def annotate(self, source: Any, **kwargs: Any) -> Any:
            limits.append(kwargs["limits"].decompressed_bytes)
            return super().annotate(source, **kwargs)

    world.gas.__dict__["annotator"] = Noting()
    for upload_id in "ab":
        world.submit(upload_id=upload_id)
        world.time_passes(timedelta(seconds=1))
        world.end()
    world.run()
    assert limits == [Limits().decompressed_bytes, FREE.input_bytes]
