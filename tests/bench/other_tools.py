"""Other tools on the same file, in the same run, where they are installed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from adapters.annotator_bcftools.references import Reference

CYVCF2 = """
import sys, time
from collections import Counter
from cyvcf2 import VCF
began, kinds = time.monotonic(), Counter()
for record in VCF(sys.argv[1]):
    kinds[record.CHROM, record.REF, record.ALT[0], record.INFO.get("DP")] += 1
print(time.monotonic() - began)
"""


def readings(
    source: Path, reference: Reference, folder: Path
) -> Iterator[tuple[str, float | None]]:
    """(what was done, seconds); None with a sentence where it is not installed."""
    if find_spec("cyvcf2"):
        yield "cyvcf2, only reading it", _seconds(CYVCF2, source)
    else:
        yield "cyvcf2 is not installed: .venv/bin/pip install --group bench", None
    if shutil.which("snpEff"):
        yield "snpEff, the same genes", _snpeff(source, reference, folder)
    else:
        yield "snpEff is not installed: on Debian, apt-get install snpeff", None


def _snpeff(source: Path, reference: Reference, folder: Path) -> float:
    """Wall seconds of snpEff with a database of the reference's own genes, made beforehand."""
    home = folder / "snpeff" / reference.name
    home.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(reference.genome, home / "sequences.fa")
    shutil.copyfile(reference.genes, home / "genes.gff")
    config = folder / "snpeff.config"
    config.write_text(
        f"data.dir = {folder / 'snpeff'}\n{reference.name}.genome : {reference.name}\n"
    )
    unchecked = ("-noCheckCds", "-noCheckProtein", "-noLog", "-c", str(config))
    with open(os.devnull, "w") as nothing:
        command = ["snpEff", "build", "-gff3", *unchecked, reference.name]
        subprocess.run(command, check=True, stdout=nothing, stderr=nothing)
        began = time.monotonic()
        command = ["snpEff", "ann", "-noStats", "-noLog", "-c", str(config), reference.name]
        subprocess.run([*command, source], check=True, stdout=nothing, stderr=nothing)
    return time.monotonic() - began


def _seconds(program: str, source: Path) -> float:
    done = subprocess.run(
        [sys.executable, "-c", program, source], check=True, capture_output=True, text=True
    )
    return float(done.stdout)
