"""Many writers in many processes, readers beside them, faults throughout: nothing is lost, doubled,
skipped or reordered."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from tests.adapters.event_store_dynamodb.events import a_factory, a_recorder, event
from tests.conftest import SOAK

PROCESSES, THREADS = 8, 8
FAULTS = "tests.adapters.event_store_dynamodb.faults"
Acknowledged = dict[tuple[UUID, int], int]  # (originator, version) -> position


class Reader(threading.Thread):
    """Follows the log and keeps what it saw, in the order it saw it."""

    def __init__(self, env: dict[str, str]) -> None:
        super().__init__(daemon=True)
        self._factory = a_factory(env)
        self._following = a_recorder(self._factory).subscribe()
        self.seen: list[tuple[int, UUID | str, int]] = []
        self.error: Exception | None = None

    def run(self) -> None:
        try:
            for n in self._following:
                self.seen.append((n.id, n.originator_id, n.originator_version))
        except Exception as error:
            self.error = error

    def wait_for(self, position: int, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while self.is_alive() and len(self.seen) < position and time.monotonic() < deadline:
            time.sleep(0.05)
        self._following.stop()
        self.join(10)
        self._factory.close()
        assert self.error is None


class Writers:
    """The program `writers`, given an order for each of its processes."""

    def __init__(self, folder: Path, orders: list[dict[str, Any]]) -> None:
        self._folder = folder
        file = folder / "order.json"
        file.write_text(json.dumps([{**order, "folder": str(folder)} for order in orders]))
        self._program = subprocess.Popen(
            [sys.executable, "-m", "tests.adapters.event_store_dynamodb.writers", str(file)],
            stdout=subprocess.PIPE,
            cwd=Path(__file__).parents[3],
        )
        assert self._program.stdout is not None
        self.pids: list[int] = json.loads(self._program.stdout.readline())

    def acknowledged(self, seconds: float) -> Acknowledged:
        """What all of them were told."""
        assert self._program.wait(seconds) == 0
        together: Acknowledged = {}
        for file in self._folder.glob("[0-9]*.json"):
            for originator, version, position in json.loads(file.read_text()):
                together[UUID(originator), version] = position
        return together

    def kill(self) -> None:
        """End the children at once, whatever they are doing."""
        for pid in self.pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._program.wait(10)


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("appends", [2_048, pytest.param(10_048, marks=pytest.mark.soak)])
def test_eight_processes_of_eight_threads_write_one_dense_log(
    env: dict[str, str], tmp_path: Path, appends: int
) -> None:
    env = {**env, "DYNAMODB_TIMEOUT": "120"}
    faulty = {**env, "PERSISTENCE_MODULE": FAULTS}
    a_recorder(a_factory(env))  # makes the table
    readers = [Reader(env), Reader(faulty)]
    for reader in readers:
        reader.start()
    share = {"threads": THREADS, "appends": appends // PROCESSES}
    orders = [{"env": faulty if n % 2 else env, "seed": n, **share} for n in range(PROCESSES)]
    started = time.monotonic()
    acknowledged = Writers(tmp_path, orders).acknowledged(seconds=1500)
    seconds = time.monotonic() - started

    total = len(acknowledged)
    assert total >= appends
    assert sorted(acknowledged.values()) == list(range(1, total + 1))  # dense, none given twice
    for reader in readers:
        reader.wait_for(total, seconds=60)
        assert [position for position, _, _ in reader.seen] == list(range(1, total + 1))
        assert {(o, v): p for p, o, v in reader.seen} == acknowledged
    recorder = a_recorder(a_factory(env))
    assert recorder.max_notification_id() == total
    for originator, versions in Counter(o for o, _ in acknowledged).items():
        loaded = recorder.select_events(originator)
        assert [e.originator_version for e in loaded] == list(range(1, versions + 1))
    print(f"{appends} appends, {total} events by {PROCESSES}x{THREADS} in {seconds:.1f} s")


@pytest.mark.kill
@pytest.mark.timeout(300)
def test_a_writer_that_is_killed_leaves_nothing_to_repair(
    env: dict[str, str], tmp_path: Path
) -> None:
    reading = a_recorder(a_factory(env))
    for seed in range(5 if SOAK else 2):
        enough = (reading.max_notification_id() or 0) + 60
        orders = [{"env": env, "seed": seed, "threads": 4, "appends": 400_000}]
        writers = Writers(tmp_path, orders)
        while (reading.max_notification_id() or 0) < enough:
            time.sleep(0.01)
        writers.kill()
        time.sleep(0.3)  # what the server still has in its hands is decided
        end = reading.max_notification_id() or 0
        whole = reading.select_notifications(1, 100_000)
        assert [n.id for n in whole] == list(range(1, end + 1))
        for originator, count in Counter(n.originator_id for n in whole).items():
            assert len(reading.select_events(originator)) == count  # in the log means in its stream
        assert a_recorder(a_factory(env)).insert_events([event(uuid4(), 1)]) == [end + 1]
