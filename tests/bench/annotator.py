"""How long an annotation takes against the bare engine on the same file, machine and run.

Two files: every record coding (SARS-CoV-2), and genome-like (few of them in genes). Ours goes the
whole way of a worker: the input lies in the object store, the products go there. Worker and engine
are both warm: neither Python's start nor loading pysam counts on either side.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from adapters.annotator_bcftools.annotator import BcftoolsAnnotator
from adapters.annotator_bcftools.references import Library
from adapters.objects_s3 import S3Objects
from entrypoints.local.cloud import EmbeddedCloud, deploy, environment, start
from tests.bench import other_tools
from tests.bench.variants import made_up, variants

RECORDS = int(os.environ.get("GAS_BENCH_RECORDS", "1000000"))
SIZES = (10_000, 100_000, RECORDS)
STACK = "bench"
ROUNDS = 3
DEMOS = 15
BARE = """
import json, sys, time, pysam.bcftools
from tests.bench.memory import peak
began = time.monotonic()
pysam.bcftools.csq("-l", "--force", "--no-version", *sys.argv[5:], "-f", sys.argv[1], "-g",
    sys.argv[2], "-Oz", "-o", sys.argv[4], sys.argv[3], catch_stdout=False)
seconds = time.monotonic() - began
print(json.dumps([seconds, peak()]))
"""


def main() -> None:
    """Print the tables."""
    with tempfile.TemporaryDirectory(prefix="gas-bench-") as temporary:
        folder = Path(temporary)
        made_up(folder)
        cloud = start(folder / "data")
        try:
            deploy(cloud, STACK, origins=["http://127.0.0.1:8000"])
            for reference, title in (("sars-cov-2", "all coding"), ("made-up", "genome-like")):
                compare(folder, cloud, reference, title)
            demo(folder, cloud)
        finally:
            cloud.end()


def compare(folder: Path, cloud: EmbeddedCloud, reference: str, title: str) -> None:
    """One table: the bare engine and ours in turns, the best of each, so that noise hits both."""
    files = {size: variants(folder, reference, size) for size in SIZES}
    large = files[RECORDS]
    ones, twos, all_ours = [], [], []
    for _ in range(ROUNDS):
        ones.append(bare(folder, reference, large))
        twos.append(bare(folder, reference, large, "--threads", "2"))
        all_ours.append(measured(folder, cloud, reference, large))
    one, two = min(ones), min(twos)
    ours = min(all_ours, key=lambda each: float(each["wall"]))
    print(f"\nAnnotation, {title}, {RECORDS:,} records ({large.stat().st_size / 2**20:.0f} MB)")
    line("csq, one thread", one[0], one[0])
    line("csq, two threads", two[0], one[0])
    line("gas, from store to store", ours["wall"], one[0])
    for stage, seconds in ours["seconds"].items():
        kind = "" if stage in ("fetching", "storing") else " CPU, beside the others"
        print(f"    {stage:<24} {seconds:6.2f} s{kind}")
    for name, seconds in other_tools.readings(large, Library(folder).get(reference), folder):
        line(name, seconds, one[0])
    print("  peak memory in MB       worker  annotating process  bare csq")
    for size, path in files.items():
        found = ours if size == RECORDS else measured(folder, cloud, reference, path)
        engine = one if size == RECORDS else bare(folder, reference, path)
        peaks = (found["worker"], found["child"], engine[1])
        print(f"    {size:>9,} records    " + "".join(f"{each / 2**20:8.0f}" for each in peaks))


def line(name: str, seconds: float | None, one: float) -> None:
    """Seconds and their ratio to one-thread csq; what could not be run is said."""
    if seconds is None:
        print(f"  {name}")
    else:
        print(f"  {name:<26} {seconds:6.2f} s  {seconds / one:5.2f} x")


def demo(folder: Path, cloud: EmbeddedCloud) -> None:
    """The sixteen-record example."""
    path = folder / "example.vcf"
    path.write_bytes(BcftoolsAnnotator().example("sars-cov-2"))
    walls = sorted(measured(folder, cloud, "sars-cov-2", path)["wall"] for _ in range(DEMOS))
    print(f"\nThe 16-record example: p50 {walls[DEMOS // 2]:.3f} s, worst {walls[-1]:.3f} s")


def bare(folder: Path, reference: str, source: Path, *options: str) -> tuple[float, int]:
    """Wall seconds and peak bytes of csq alone, in a process of its own."""
    found, out = Library(folder).get(reference), folder / "bare.vcf.gz"
    done = subprocess.run(
        [sys.executable, "-c", BARE, found.genome, found.genes, source, out, *options],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    seconds, peak = json.loads(done.stdout)
    return float(seconds), int(peak)


def measured(folder: Path, cloud: EmbeddedCloud, reference: str, source: Path) -> dict[str, Any]:
    """One job by a worker in a process of its own; see ``tests.bench.one_job``."""
    key = f"inputs/{source.name}"
    files = S3Objects(cloud.aws.client("s3"), f"{STACK}-files")
    if files.head(key) is None:
        files.upload(key, source)
    known = environment(folder / "data", cloud.port)
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench.one_job", folder, STACK, reference, key],
        check=True, stdout=subprocess.PIPE, text=True, env={**os.environ, **known},
    )  # fmt: skip
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found
