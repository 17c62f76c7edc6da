"""`kill -9` of every process of the running service, again and again: no accepted job is lost."""

from __future__ import annotations

import json
import os
import random
import signal
import time
import urllib.request
from collections import Counter
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.conftest import SOAK
from tests.journeys.service import RunningService, start_service

KILLS = 100 if SOAK else 5
SEED = int(os.environ.get("GAS_KILL_SEED", "0")) or random.SystemRandom().randrange(10**6)
EXAMPLE = (
    Path(__file__).parents[2] / "adapters/annotator_bcftools/references/sars-cov-2/example.vcf"
).read_bytes()
AT_ONCE = 6  # the free plan allows ten
SETTLE_SECONDS = 120.0
pytestmark = [pytest.mark.kill, pytest.mark.timeout(3600 if SOAK else 300)]


def kill_everything(service: RunningService) -> int:
    """SIGKILL to the supervisor and all that descends from it; how many died."""
    supervisor = psutil.Process(service.process.pid)
    family = [supervisor, *supervisor.children(recursive=True)]
    for process in family:
        try:
            process.send_signal(signal.SIGKILL)
        except psutil.NoSuchProcess:
            continue
    service.process.wait(10)
    psutil.wait_procs(family, timeout=10)
    return len(family)


def ask(service: RunningService, path: str, body: bytes | None = None, **headers: str) -> Any:
    """One request to the API as the local user."""
    token = (service.data_dir / "token").read_text().strip()
    request = urllib.request.Request(
        f"{service.url}/api/v1{path}",
        data=body,
        headers={"Authorization": f"Bearer {token}", **headers},
    )
    with urllib.request.urlopen(request, timeout=20) as answer:
        return json.load(answer)


def submit(service: RunningService, number: int) -> str:
    """Submit the example, safe to repeat; the job's id."""
    fields = b'--x\r\nContent-Disposition: form-data; name="reference"\r\n\r\nsars-cov-2\r\n'
    file = b'--x\r\nContent-Disposition: form-data; name="file"; filename="e.vcf"\r\n\r\n'
    body = fields + file + EXAMPLE + b"\r\n--x--\r\n"
    headers = {
        "Content-Type": "multipart/form-data; boundary=x",
        "Idempotency-Key": f"kill-{SEED}-{number}",
    }
    return str(ask(service, "/jobs", body, **headers)["id"])


def unfinished(service: RunningService, jobs: dict[int, str]) -> list[str]:
    states = {job: ask(service, f"/jobs/{job}")["status"] for job in jobs.values()}
    return [job for job, state in states.items() if state in {"submitted", "running"}]


def wait_for_room(service: RunningService, jobs: dict[int, str], room: int) -> None:
    give_up = time.monotonic() + SETTLE_SECONDS
    while len(unfinished(service, jobs)) > room:
        assert time.monotonic() < give_up, "jobs do not finish"
        time.sleep(0.2)


def test_killed_again_and_again_every_accepted_job_completes_once(tmp_path: Path) -> None:
    print(f"seed {SEED} (GAS_KILL_SEED)")
    chance = random.Random(SEED)
    service = start_service(tmp_path)
    jobs: dict[int, str] = {}
    number = 0
    try:
        for _ in range(KILLS):
            for _ in range(chance.randrange(1, AT_ONCE)):
                jobs[number] = submit(service, number)
                number += 1
            time.sleep(chance.random() * 0.6)  # somewhere in the middle of it all
            assert kill_everything(service) > 4
            service = start_service(tmp_path, port=service.port)
            assert jobs[number - 1] == submit(service, number - 1)
            wait_for_room(service, {n: jobs[n] for n in list(jobs)[-AT_ONCE:]}, room=3)
        wait_for_room(service, jobs, room=0)
        outcomes = outcomes_by_job(service)
        assert {job: outcomes[job] for job in jobs.values()} == {
            job: ["job.annotation_completed.v1"] for job in jobs.values()
        }
        results = Counter(ask(service, f"/jobs/{job}")["result"]["sha256"] for job in jobs.values())
        assert len(results) == 1, "the same input gave different results"
    finally:
        service.stop()


def outcomes_by_job(service: RunningService) -> dict[str, list[str]]:
    """The final events of every job, from the feed, which has no gaps."""
    found: dict[str, list[str]] = {}
    after, positions = 0, []
    while True:
        page = ask(service, f"/events?after={after}&limit=500")
        for event in page["events"]:
            positions.append(int(event["sequence"]))
            if event["type"] in {"job.annotation_completed.v1", "job.annotation_failed.v1"}:
                found.setdefault(event["partitionkey"], []).append(event["type"])
        if page["next"] == after:
            break
        after = page["next"]
    assert positions == list(range(1, len(positions) + 1))
    return found
