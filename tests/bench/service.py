"""The service against the bare engine, in one run: latency of the demo, throughput, memory."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil

from domain.account import SCOPES
from domain.context import acting
from entrypoints.bootstrap import Gas
from entrypoints.settings import Settings
from tests.journeys.service import RunningService, start_service

REFERENCE = Path(__file__).parents[2] / "adapters/annotator_bcftools/references/sars-cov-2"
EXAMPLE = REFERENCE / "example.vcf"
DEMOS, JOBS, AT_ONCE, A_DAY = 20, 200, 8, 90
BARE_RUNS = 20
BARE = """
import sys, pysam.bcftools
genome, genes, source, target = sys.argv[1:]
pysam.bcftools.csq("-l", "-f", genome, "-g", genes, "-Oz", "-o", target, source, catch_stdout=False)
"""


class Caller:
    """One person with a token, who submits and looks."""

    def __init__(self, service: RunningService, token: str) -> None:
        self._url = f"{service.url}/api/v1"
        self._token = token

    def run(self, look_every: float = 0.02) -> float:
        """Submit the example and wait; seconds from submit to completed as the API tells."""
        began = time.monotonic()
        job = self._ask("/jobs", _form())
        while job["status"] != "completed":
            assert job["status"] in {"submitted", "running"}, job
            time.sleep(look_every)
            job = self._ask(f"/jobs/{job['id']}")
        return time.monotonic() - began

    def _ask(self, path: str, body: bytes | None = None) -> Any:
        headers = {"Authorization": f"Bearer {self._token}"}
        if body:
            headers["Content-Type"] = "multipart/form-data; boundary=x"
        request = urllib.request.Request(self._url + path, data=body, headers=headers)
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)


def _form() -> bytes:
    reference = b'--x\r\nContent-Disposition: form-data; name="reference"\r\n\r\nsars-cov-2\r\n'
    file = b'--x\r\nContent-Disposition: form-data; name="file"; filename="e.vcf"\r\n\r\n'
    return reference + file + EXAMPLE.read_bytes() + b"\r\n--x--\r\n"


def callers(service: RunningService, count: int) -> list[Caller]:
    """As many people as the free plan needs for the jobs of this run."""
    gas = Gas(Settings(data_dir=service.data_dir))
    made = []
    for number in range(count):
        user = gas.people.ensure_local_user(f"bench-{number}", {}, [])
        with acting("system:bench"):
            token = gas.people.create_token(user, name="bench", scopes=list(SCOPES))
        made.append(Caller(service, token))
    return made


def bare_loop(folder: Path) -> float:
    """Jobs a minute of the engine alone: one process a file, one after the other."""
    target = str(folder / "bare.vcf.gz")
    files = [str(REFERENCE / "genome.fa"), str(REFERENCE / "genes.gff3"), str(EXAMPLE), target]
    began = time.monotonic()
    for _ in range(BARE_RUNS):
        subprocess.run([sys.executable, "-c", BARE, *files], check=True, stderr=subprocess.DEVNULL)
    return BARE_RUNS / (time.monotonic() - began) * 60


def throughput(people: Sequence[Caller], jobs: int) -> float:
    """Jobs a minute of the service with people who each wait for one job at a time."""
    share = [people[n % len(people)] for n in range(jobs)]
    began = time.monotonic()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(lambda caller: caller.run(look_every=0.25), share))
    return jobs / (time.monotonic() - began) * 60


def work_process(service: RunningService) -> psutil.Process:
    family = psutil.Process(service.process.pid).children(recursive=True)
    return next(p for p in family if p.cmdline()[-1:] == ["work"])


def megabytes(process: psutil.Process) -> float:
    return float(process.memory_info().rss) / 2**20


def main() -> None:
    """Print the table."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        service = start_service(folder)
        try:
            people = callers(service, max(AT_ONCE, JOBS // A_DAY + 1))
            people[0].run()
            demo = sorted(people[0].run() for _ in range(DEMOS))
            before = megabytes(work_process(service))
            bare_before, ours, bare_after = (
                bare_loop(folder),
                throughput(people, JOBS),
                bare_loop(folder),
            )
            after = megabytes(work_process(service))
        finally:
            service.stop()
    bare = statistics.mean([bare_before, bare_after])
    print("The service (16-record example, embedded cloud, SQLite)")
    print(f"  submit to completed   p50 {statistics.median(demo):.2f} s   p90 {demo[-2]:.2f} s")
    print(f"  jobs a minute         {ours:.0f}, bare engine {bare:.0f}: {ours / bare:.0%}")
    print(f"  memory of work        {before:.0f} MB before, {after:.0f} MB after {JOBS} jobs")


if __name__ == "__main__":
    main()
