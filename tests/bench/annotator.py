"""How long an annotation takes against the bare engine on the same file, machine and run.

Two files: every record coding (SARS-CoV-2), and genome-like (few of them in genes). Printed are
wall seconds, the ratio to one-thread csq, the CPU seconds of each stage, and the peak memory.
"""

from __future__ import annotations

import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from adapters.annotator_bcftools.adding import Order, add
from adapters.annotator_bcftools.annotator import BcftoolsAnnotator
from adapters.annotator_bcftools.references import Library
from domain.ports import Limits

RECORDS = int(os.environ.get("GAS_BENCH_RECORDS", "1000000"))
SMALL = 10_000
BASES = "ACGT"
GENOME = 5_000_000  # bases of the made-up genome
ROUNDS = 3
BARE = """
import sys, pysam.bcftools
pysam.bcftools.csq("-l", "--force", "--no-version", *sys.argv[5:], "-f", sys.argv[1], "-g",
    sys.argv[2], "-Oz", "-o", sys.argv[4], sys.argv[3], catch_stdout=False)
"""


def main() -> None:
    """Print the tables."""
    with tempfile.TemporaryDirectory(prefix="gas-bench-") as temporary:
        folder = Path(temporary)
        made_up(folder)
        for reference, title in (("sars-cov-2", "all coding"), ("made-up", "genome-like")):
            files = {n: variants(folder, reference, n) for n in (SMALL, RECORDS)}
            compare(folder, reference, title, files)
        demo(folder)


def compare(folder: Path, reference: str, title: str, files: dict[int, Path]) -> None:
    """One table: the bare engine and ours in turns, the best of each, so that noise hits both."""
    large = files[RECORDS]
    rounds = [
        (bare(folder, reference, large), bare(folder, reference, large, "--threads", "2"),
         measured(folder, reference, large))
        for _ in range(ROUNDS)
    ]  # fmt: skip
    one, two = min(each[0] for each in rounds), min(each[1] for each in rounds)
    ours = min((each[2] for each in rounds), key=lambda each: float(each["wall"]))
    small = measured(folder, reference, files[SMALL])
    print(f"\nAnnotation, {title}, {RECORDS:,} records")
    print(f"  csq, one thread            {one:6.2f} s")
    print(f"  csq, two threads           {two:6.2f} s  {two / one:5.2f} x")
    core = ours["wall"] - ours["table_wait"]
    print(f"  gas, without the table     {core:6.2f} s  {core / one:5.2f} x")
    print(f"  gas, everything            {ours['wall']:6.2f} s  {ours['wall'] / one:5.2f} x")
    for stage, seconds in ours["seconds"].items():
        print(f"    {stage:<24} {seconds:6.2f} s CPU")
    for name in ("worker", "child"):
        low, high = (each[name] / 2**20 for each in (small, ours))
        print(f"  peak of {name:<6} {SMALL:>9,}: {low:4.0f} MB, {RECORDS:>9,}: {high:4.0f} MB")


def demo(folder: Path) -> None:
    """The sixteen-record example, start-up included."""
    path = folder / "example.vcf"
    path.write_bytes(BcftoolsAnnotator().example("sars-cov-2"))
    walls = sorted(measured(folder, "sars-cov-2", path)["wall"] for _ in range(15))
    print(f"\nThe 16-record example: p50 {walls[7]:.3f} s, worst {walls[-1]:.3f} s")


def bare(folder: Path, reference: str, source: Path, *options: str) -> float:
    """Wall seconds of csq alone, in a process of its own."""
    found, out = Library(folder).get(reference), folder / "bare.vcf.gz"
    began = time.monotonic()
    subprocess.run(
        [sys.executable, "-c", BARE, found.genome, found.genes, source, out, *options],
        check=True, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    return time.monotonic() - began


def measured(folder: Path, reference: str, source: Path) -> dict[str, Any]:
    """One annotation in a process of its own: wall and CPU seconds, peak bytes."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench.annotator", "measure", folder, reference, source],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def measure(folder: Path, reference: str, source: Path) -> None:
    """What ``measured`` runs."""
    annotator = BcftoolsAnnotator(folder)
    with tempfile.TemporaryDirectory(dir=folder) as workdir, source.open("rb") as stream:
        began = time.monotonic()
        made = annotator.annotate(
            stream, reference=reference, workdir=Path(workdir), limits=Limits(),
            progress=lambda step, percent: None,
            stopped=lambda: False,
        )  # fmt: skip
        wall = time.monotonic() - began
    del annotator  # its starter ends, so that the runs' memory is counted
    seconds = dict(made.seconds)
    unit = 1 if sys.platform == "darwin" else 1024
    document = {
        "wall": wall,
        "seconds": seconds,
        "table_wait": seconds.pop("waiting for the table", 0.0),
        "worker": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit,
        "child": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * unit,
    }
    print(json.dumps(document))


def variants(folder: Path, reference: str, count: int) -> Path:
    """Substitutions at random places, sorted; the same ones every time."""
    found = Library(folder).get(reference)
    contig = found.contigs[0]
    lines = found.genome.read_text().splitlines()[1:]
    bases, chance = "".join(lines), random.Random(7)
    low, high = (266, 29600) if reference == "sars-cov-2" else (1, contig.length)
    places = sorted(chance.randint(low, high) for _ in range(count))
    path = folder / f"{reference}-{count}.vcf"
    with path.open("w") as out:
        out.write("##fileformat=VCFv4.2\n")
        out.write('##INFO=<ID=DP,Number=1,Type=Integer,Description="Depth">\n')
        out.write(f"##contig=<ID={contig.name},length={contig.length}>\n")
        out.write("#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n")
        for place in places:
            ref = bases[place - 1]
            alt = BASES[(BASES.index(ref) + chance.randint(1, 3)) % 4]
            out.write(
                f"{contig.name}\t{place}\t.\t{ref}\t{alt}\t{place % 60}\tPASS\tDP={place % 997}\n"
            )
    return path


def made_up(folder: Path) -> None:
    """A genome with a gene of three exons every 20 kb, 3 % of it coding."""
    chance = random.Random(3)
    fasta, genes = folder / "genome.fa", folder / "genes.gff3"
    fasta.write_text(">1\n" + "".join(chance.choices(BASES, k=GENOME)) + "\n")
    rows = ["##gff-version 3"]
    for at in range(1000, GENOME - 10_000, 20_000):
        name, end = f"G{at}", at + 6599
        tail = f"ID=gene:{name};Name={name};biotype=protein_coding"
        rows.append(f"1\tx\tgene\t{at}\t{end}\t.\t+\t.\t{tail}")
        tail = f"ID=transcript:T{at};Parent=gene:{name};biotype=protein_coding"
        rows.append(f"1\tx\tmRNA\t{at}\t{end}\t.\t+\t.\t{tail}")
        for start in (at, at + 3000, at + 6000):
            for kind, phase in (("exon", "."), ("CDS", "0")):
                rows.append(
                    f"1\tx\t{kind}\t{start}\t{start + 599}\t.\t+\t{phase}\tParent=transcript:T{at}"
                )
    genes.write_text("\n".join(rows) + "\n")
    add(Order("made-up", str(fasta), str(genes)), folder, progress=lambda source, done: None)


if __name__ == "__main__":
    if sys.argv[1:2] == ["measure"]:
        measure(Path(sys.argv[2]), sys.argv[3], Path(sys.argv[4]))
    else:
        main()
