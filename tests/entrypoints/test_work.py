"""The work process: everything that is not web, in one process that drains when told to."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO
from uuid import UUID, uuid4

import psutil
import pytest

from adapters.annotator_bcftools.sandbox import lacking, protections
from domain.context import acting
from domain.job import Job
from domain.ports import Annotation, Interrupted, Limits
from domain.ports.annotation import PLAIN, Options
from entrypoints.bootstrap import Gas
from entrypoints.local.cloud import ACCESS_KEY, REGION
from entrypoints.readiness import BEAT, NEEDED, PROCESS
from entrypoints.work import DRAIN_SECONDS, Process, begin_anew
from projections.listeners import LISTENERS
from tests.cloud import Stack
from tests.entrypoints.running import a_gas
from tests.world import GOOD, MemoryAnnotator


class Slow(MemoryAnnotator):
    """Takes until it is told to stop; from then on as quick as any."""

    def __init__(self) -> None:
        self.begun, self.quick = threading.Event(), threading.Event()

    def annotate(
        self,
        source: BinaryIO,
        *,
        reference: str,
        workdir: Path,
        limits: Limits,
        progress: Callable[[str, int], None],
        stopped: Callable[[], bool],
        options: Options = PLAIN,
    ) -> Annotation:
        self.begun.set()
        while not self.quick.wait(0.01):
            if stopped():
                raise Interrupted
        return super().annotate(
            source,
            reference=reference,
            workdir=workdir,
            limits=limits,
            progress=progress,
            stopped=stopped,
        )


@pytest.fixture
def gas(tmp_path: Path, stack: Stack) -> Gas:
    queues = {name: stack.queue(name) for name in LISTENERS}
    return a_gas(tmp_path, queues=queues, bus=stack.bus, annotator=Slow())


def submit(gas: Gas) -> Job:
    owner = UUID(int=7)
    upload_id = uuid4().hex
    with acting(f"user:{owner}"):
        gas.uploading.receive(owner, filename="f", data=GOOD, upload_id=upload_id)
        return gas.submission.submit(owner, upload_id=upload_id, reference="toy").aggregate


def until(fact: Callable[[], Any], *, seconds: float = 20) -> None:
    """Wait for a fact."""
    give_up = time.monotonic() + seconds
    while not fact():
        assert time.monotonic() < give_up, "it did not become true"
        time.sleep(0.02)


@contextmanager
def working(gas: Gas) -> Iterator[Process]:
    """Everything runs, but for the example of the first start."""
    process = Process(gas)
    supervised = process.start([part for part in process.all_parts() if part.name != "example"])
    try:
        yield process
    finally:
        assert process.drain(supervised) == []


def test_jobs_go_the_whole_way(gas: Gas) -> None:
    gas.annotator.quick.set()  # type: ignore[attr-defined]
    with working(gas):
        jobs = [submit(gas) for _ in range(3)]
        until(lambda: all(gas.service.job(job.id).work == "completed" for job in jobs))
        until(lambda: gas.queues["annotation"].depth().in_flight == 0)
        with acting("user:test"):
            gas.service.request_deletion(jobs[0].id, owner=jobs[0].owner)
        until(lambda: gas.service.job(jobs[0].id).deleted)
    assert list(gas.files.list(f"results/{jobs[0].id}/")) == []
    assert all(gas.service.job(job.id).attempt == 1 for job in jobs)


def test_told_to_stop_it_puts_back_what_it_was_working_on(gas: Gas) -> None:
    with working(gas):
        job = submit(gas)
        assert gas.annotator.begun.wait(20)  # type: ignore[attr-defined]
        began = time.monotonic()
    assert time.monotonic() - began < DRAIN_SECONDS

    def put_back() -> bool:  # a poll that was left alone may have it for a moment
        depth = gas.queues["annotation"].depth()
        return (depth.visible, depth.in_flight) == (1, 0)

    until(put_back)
    assert not gas.leases.is_held(job.id)
    assert list(gas.settings.scratch.iterdir()) == []
    gas.annotator.quick.set()  # type: ignore[attr-defined]
    with working(gas):
        until(lambda: gas.service.job(job.id).work == "completed")
    assert gas.service.job(job.id).attempt == 2


def test_a_start_frees_what_a_killed_process_held(gas: Gas) -> None:
    job = submit(gas)
    assert gas.leases.take(job.id, attempt=1, worker="killed")
    left = gas.settings.scratch / "annotate-killed"
    left.mkdir(parents=True)
    begin_anew(gas)
    assert not gas.leases.is_held(job.id)
    assert not left.exists()


def heard(gas: Gas) -> dict[str, Any]:
    """The newest beat."""
    rows = [row.value for row in gas.records.query(BEAT, PROCESS)]
    return max(rows, key=lambda value: value["at"], default={"at": "", "parts": []})


def test_it_says_that_it_lives_with_all_its_parts(gas: Gas) -> None:
    with working(gas):
        until(lambda: set(heard(gas)["parts"]) == NEEDED)
        first = heard(gas)["at"]
        until(lambda: heard(gas)["at"] > first)


def test_a_relay_whose_bus_is_down_catches_up_later(gas: Gas) -> None:
    gas.annotator.quick.set()  # type: ignore[attr-defined]
    real, down = gas.bus, threading.Event()

    class Flaky:
        def publish(self, events: Any) -> None:
            if not down.is_set():
                down.set()
                raise ConnectionError("the bus is down")
            real.publish(events)

    gas.__dict__["bus"] = Flaky()
    with working(gas):
        job = submit(gas)
        until(lambda: gas.service.job(job.id).work == "completed")
    assert down.is_set()


def test_as_a_process_it_is_idle_when_there_is_nothing_to_do_and_ends_at_sigterm(
    tmp_path: Path, stack: Stack
) -> None:
    environment = {
        "PATH": os.environ["PATH"],
        "GAS_LOCAL": "true",
        "GAS_DATA_DIR": str(tmp_path),
        "GAS_STACK": stack.prefix,
        "GAS_AWS_ENDPOINT": stack.cloud.endpoint,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ACCESS_KEY_ID": ACCESS_KEY,
        "AWS_SECRET_ACCESS_KEY": stack.cloud.secret,
    }
    log = tmp_path / "work.log"
    with log.open("w") as stderr:
        work = subprocess.Popen(
            [sys.executable, "-m", "entrypoints", "work"], env=environment, stderr=stderr
        )
    try:
        gas = a_gas(tmp_path)
        until(lambda: heard(gas)["at"], seconds=30)
        process = psutil.Process(work.pid)
        process.cpu_percent()
        share = process.cpu_percent(interval=3)
        work.send_signal(signal.SIGTERM)
        began = time.monotonic()
        assert work.wait(10) == 0
        assert time.monotonic() - began < 8
    finally:
        work.kill()
    assert share < 25, f"{share} % of a core while idle"  # 3 % alone; others share the machine
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert {line["process"] for line in lines} == {"work"}
    assert [line for line in lines if line["level"] == "error"] == []
    assert lines[-1]["event"] == "process.stopped"
    (sandbox,) = [line for line in lines if line["event"] == "sandbox"]
    assert sandbox["lacks"] == (lacking(protections()) or "nothing")
