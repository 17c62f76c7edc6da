"""Hints may be doubled, shuffled and lost; workers may be many, slow or overtaken."""

from __future__ import annotations

import threading
from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.due import Step
from domain.leases import LEASE
from domain.service import job_id_for
from entrypoints.worker import Hint
from projections.fairness import fair_order
from tests.world import BAD, GOOD, MemoryAnnotator, World


def final_states(world: World) -> list[tuple[str, int]]:
    """Work state and number of outcomes of every job, in the order they were submitted."""
    ids = dict.fromkeys(e.aggregate_id for e in world.log())
    outcomes = ("job.annotation_completed.v1", "job.annotation_failed.v1")
    return [
        (world.service.job(i).work, sum(t in outcomes for t in world.events_of(i))) for i in ids
    ]


@settings(max_examples=40, deadline=None)
@given(
    jobs=st.lists(st.sampled_from([GOOD, BAD]), min_size=1, max_size=5),
    copies=st.integers(min_value=0, max_value=3),
    lost=st.sets(st.integers(min_value=0, max_value=14)),
    order=st.randoms(use_true_random=False),
)
def test_any_order_doubling_or_loss_of_hints_ends_the_same(
    tmp_path_factory: pytest.TempPathFactory,
    jobs: list[bytes],
    copies: int,
    lost: set[int],
    order: Any,
) -> None:
    world = World(tmp_path_factory.mktemp("world"))
    for n, data in enumerate(jobs):
        world.submit(data, upload_id=str(n))
    world.keep_views()
    hints = [Hint(job_id_for(world.owner, str(n)), 1).body() for n in range(len(jobs))] * copies
    order.shuffle(hints)
    for n, body in enumerate(hints):
        if n not in lost:
            world.queues["annotation"].send(body)
    world.records.put("position", "relay", value={"position": len(jobs)})  # all hints are out
    world.settle()
    assert final_states(world) == [("completed" if data == GOOD else "failed", 1) for data in jobs]


def test_two_workers_share_one_queue_and_each_job_is_done_once(tmp_path: Path) -> None:
    world = World(tmp_path)
    for n in range(20):
        world.submit(upload_id=str(n))
    world.keep_views()
    hints = [(job_id_for(world.owner, str(n)), 1) for n in range(20)] * 3
    world.random.shuffle(hints)
    lock, errors = threading.Lock(), list[BaseException]()

    def serve(name: str) -> None:
        work = world.gas.work("annotation", name)
        try:
            while True:
                with lock:
                    if not hints:
                        return
                    job_id, version = hints.pop()
                work.attend(job_id, at_least=version, stopping=lambda: False)
        except BaseException as error:
            errors.append(error)
            raise

    threads = [threading.Thread(target=serve, args=(name,)) for name in ("one", "two")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    world.settle()
    assert final_states(world) == [("completed", 1)] * 20


def test_a_worker_paused_past_its_lease_changes_nothing_when_it_wakes(tmp_path: Path) -> None:
    world = World(tmp_path)
    job = world.submit(upload_id="u")
    world.keep_views()

    class Paused(MemoryAnnotator):
        def annotate(self, *args: Any, **kwargs: Any) -> Any:
            done = super().annotate(*args, **kwargs)
            world.now += LEASE  # asleep while its lease runs out and somebody else does the job
            world.gas.__dict__["annotator"] = MemoryAnnotator()
            world.gas.work("annotation", "second").attend(
                job.id, at_least=1, stopping=lambda: False
            )
            world.log_before = len(world.log())  # type: ignore[attr-defined]
            return done

    world.gas.__dict__["annotator"] = Paused()
    world.gas.work("annotation", "first").attend(job.id, at_least=1, stopping=lambda: False)
    after = world.service.job(job.id)
    assert (after.work, after.attempt) == ("completed", 2)
    assert len(world.log()) == world.log_before  # type: ignore[attr-defined]
    assert after.outcome is not None
    assert after.outcome["files"]["result"]["key"].startswith(f"results/{job.id}/2/")
    assert not world.gas.leases.is_held(job.id)


def test_a_hint_ahead_of_what_can_be_read_comes_back(tmp_path: Path) -> None:
    world = World(tmp_path)
    job = world.submit(upload_id="u")
    world.queues["annotation"].send(Hint(job.id, 7).body())
    world.work("annotation")
    assert world.queues["annotation"].depth().in_flight == 1
    assert world.service.job(job.id).work == "submitted"


def test_an_owner_with_many_jobs_delays_nobody_else(tmp_path: Path) -> None:
    world = World(tmp_path)
    crowd, guest = world.owner, uuid4()
    for n in range(8):
        world.now += timedelta(seconds=1)
        world.submit(upload_id=f"crowd {n}", owner=crowd)
    world.now += timedelta(seconds=1)
    late = world.submit(upload_id="guest", owner=guest)
    world.relay()
    world.keep_views()
    for _ in range(2):  # the crowd's first job, then the guest's, though it came last
        world.work("annotation")
        world.keep_views()
    done = [e.aggregate_id for e in world.log() if e.topic == "job.annotation_completed.v1"]
    assert late.id in done[:2]


@given(st.lists(st.tuples(st.sampled_from("abc"), st.booleans()), max_size=30))
def test_owners_take_turns(rows: list[tuple[str, bool]]) -> None:
    open_work = [
        (
            str(n),
            {
                "owner": owner,
                "work": "running" if running else "submitted",
                "submitted_at": f"{n:03d}",
            },
        )
        for n, (owner, running) in enumerate(rows)
    ]
    owners = {job_id: str(row["owner"]) for job_id, row in open_work}
    served = Counter(str(row["owner"]) for _, row in open_work if row["work"] == "running")
    order = fair_order(open_work)
    assert sorted(order) == sorted(i for i, row in open_work if row["work"] != "running")
    for position, job_id in enumerate(order):
        still_waiting = {owners[other] for other in order[position:]}
        assert served[owners[job_id]] == min(served[owner] for owner in still_waiting)
        served[owners[job_id]] += 1


def test_the_sweeper_sends_no_more_hints_than_are_missing(tmp_path: Path) -> None:
    world = World(tmp_path)
    for n in range(5):
        world.submit(upload_id=str(n))
    world.keep_views()
    world.queues["annotation"].send(Hint(job_id_for(world.owner, "0"), 1).body())
    assert world.gas.sweeper.sweep() == 4
    assert world.gas.sweeper.sweep() == 0
    assert world.queues["annotation"].depth().visible == 5


def test_nothing_is_due_once_the_world_rests(tmp_path: Path) -> None:
    world = World(tmp_path)
    jobs = [world.submit(data, upload_id=str(n)) for n, data in enumerate([GOOD, BAD])]
    steps = [world.gas.outlook.due(j.id) for j in jobs]
    assert steps == [Step.ANNOTATE, Step.ANNOTATE]
    world.settle()
    steps = [world.gas.outlook.due(j.id) for j in jobs]
    assert steps == [None, None]
