"""Ours and the bare engine say the same about any clean file."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters.annotator_bcftools.annotator import BcftoolsAnnotator
from adapters.annotator_bcftools.references import BUNDLED
from domain.ports import Limits
from tests.adapters.annotator.vcf import SARS, genome, vcf

EXAMPLES = 1000 if os.environ.get("GAS_SOAK") else 12
REFERENCES = {"sars-cov-2": (SARS, "1"), "human-mt": ("MT", "2")}
ANNOTATOR = BcftoolsAnnotator()
BASES = st.sampled_from("ACGT")
BARE = """
import os, sys, pysam.bcftools
for line in sys.stdin:
    genome, genes, code, path = line.rstrip("\\n").split("\\t")
    run = os.fork()
    if not run:
        pysam.bcftools.csq(
            "-l", "--force", "--no-version", "-f", genome, "-g", genes, "-C", code,
            "-Ov", "-o", path + ".out", path, catch_stdout=False)
        os._exit(0)
    print(os.wait()[1], flush=True)
"""


@st.composite
def changes(draw: st.DrawFn, reference: str) -> tuple[int, str, str]:
    """A substitution, insertion or deletion with the right REF, sometimes of several alleles."""
    bases = genome(reference)
    position = draw(st.integers(2, len(bases) - 60))
    length = draw(st.sampled_from([1, 1, 1, 1, 2, 3, 4, 7, 30]))
    ref = bases[position - 1 : position - 1 + length]
    allele = st.one_of(
        st.text("ACGT", min_size=length, max_size=length),
        st.just(ref[0]),
        st.text("ACGT", min_size=1, max_size=12).map(lambda tail: ref + tail),
        st.just("*"),
    ).filter(lambda alt: alt != ref)
    alts = draw(st.lists(allele, min_size=1, max_size=3, unique=True))
    return position, ref, ",".join(alts)


@st.composite
def files(draw: st.DrawFn) -> tuple[str, str]:
    reference = draw(st.sampled_from(sorted(REFERENCES)))
    contig, _ = REFERENCES[reference]
    found = draw(st.lists(changes(reference), min_size=1, max_size=60))
    rows = [
        f"{contig}\t{p}\t.\t{r}\t{a}\t.\tPASS\t." for p, r, a in sorted(found, key=lambda c: c[0])
    ]
    return reference, vcf(rows, contigs=[(contig, len(genome(reference)))])


@cache
def engine() -> subprocess.Popen[str]:
    """A process that has loaded csq and forks for every file; it ends with the test process."""
    return subprocess.Popen(
        [sys.executable, "-c", BARE], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip


def bare(reference: str, path: Path) -> list[str]:
    """The records of csq alone, never in this process."""
    folder, code = BUNDLED / reference, REFERENCES[reference][1]
    asked, told = engine().stdin, engine().stdout
    assert asked is not None
    assert told is not None
    asked.write(f"{folder / 'genome.fa'}\t{folder / 'genes.gff3'}\t{code}\t{path}\n")
    asked.flush()
    assert told.readline() == "0\n"
    text = Path(f"{path}.out").read_text()
    return [line for line in text.splitlines() if not line.startswith("#")]


@settings(
    max_examples=EXAMPLES, deadline=None, print_blob=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)  # fmt: skip
@given(files())
def test_every_consequence_equals_the_bare_engines(given_file: tuple[str, str]) -> None:
    reference, text = given_file
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "in.vcf"
        path.write_text(text)
        annotation = ANNOTATOR.annotate(
            io.BytesIO(text.encode()),
            reference=reference,
            workdir=Path(folder) / "job",
            limits=Limits(),
            progress=lambda step, percent: None,
            stopped=lambda: False,
        )
        result = Path(folder) / "job" / "annotated.vcf.gz"
        ours = _records(result)
        assert ours == bare(reference, path)
    assert annotation.records_in == annotation.records_out == len(ours)


def _records(path: Path) -> list[str]:
    import gzip

    text = gzip.decompress(path.read_bytes()).decode()
    return [line for line in text.splitlines() if not line.startswith("#")]
