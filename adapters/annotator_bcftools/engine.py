"""Runs of `bcftools csq`, one after the other, each in a fork of its own, fed through a pipe."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import BinaryIO

from adapters.annotator_bcftools.forks import EngineDied, Fork
from adapters.annotator_bcftools.pipes import wide_pipe
from adapters.annotator_bcftools.references import Contig, Reference

HEADER = "##fileformat=VCFv4.2\n{contigs}#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO{samples}\n"
GENOTYPE = '##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">\n'
INFO_LINE = (
    b'##INFO=<ID=BCSQ,Number=.,Type=String,Description="Local consequence annotation from '
    b"BCFtools/csq, see http://samtools.github.io/bcftools/howtos/csq-calling.html for details. "
    b'Format: Consequence|gene|transcript|biotype|strand|amino_acid_change|dna_change">'
)
FORMAT_LINE = (
    b'##FORMAT=<ID=BCSQ,Number=.,Type=Integer,Description="Bitmask of indexes to INFO/BCSQ, with '
    b"interleaved haplotype (limit to first/second haplotype by selecting odd/even bits). Use the "
    b"bcftools query -f'[%CHROM\\t%POS\\t%SAMPLE\\t%TBCSQ\\n]' to translate.\">"
)


class Engine:
    """One stream of records through as many csq runs as genetic codes follow each other in it.

    All runs write to ``output`` in turn: the next starts when the one before has ended, so the
    order of the records is the order of the file.
    """

    def __init__(self, reference: Reference, output: int, *, haplotypes_of: int = 0) -> None:
        self._reference, self._output = reference, output
        self._input: BinaryIO | None = None
        self._run: Fork | None = None
        self._code = 0
        self.seconds = 0.0
        header = "".join(f"##contig=<ID={c.name},length={c.length}>\n" for c in reference.contigs)
        names = "".join(f"\t{number}" for number in range(haplotypes_of))
        self._header = HEADER.format(
            contigs=header + (GENOTYPE if names else ""),
            samples="\tFORMAT" + names if names else "",
        ).encode()
        self._options = options(haplotypes=haplotypes_of > 0)

    def switch(self, contig: Contig | None) -> None:
        """Make sure the run for this contig's genetic code is the current one."""
        if contig is None or contig.genetic_code == self._code:
            return
        self.finish()
        self._start(contig.genetic_code)

    def write(self, records: bytes) -> None:
        """Feed records to the current run. Raises EngineDied."""
        if not records:
            return
        assert self._input is not None  # noqa: S101 - records are only sent after switch()
        assert self._run is not None  # noqa: S101
        try:
            self._input.write(records)
            self._input.flush()
        except BrokenPipeError:
            self._run.wait()
            raise EngineDied("engine_crashed", "csq stopped reading") from None

    def finish(self) -> None:
        """End the current run and wait for it. Raises EngineDied."""
        self._close()
        if self._run is not None:
            self._run.wait()
            self.seconds += self._run.seconds
            self._run = None

    def abandon(self) -> None:
        """End the current run, if there is one, whatever it is doing."""
        if self._run is not None:
            self._run.kill()
        self._close()

    def _close(self) -> None:
        feed, self._input, self._code = self._input, None, 0
        if feed is not None:
            with contextlib.suppress(BrokenPipeError):  # the run's own end tells why
                feed.close()

    def _start(self, code: int) -> None:
        reading, writing = wide_pipe()

        def work() -> None:
            os.close(writing)
            os.dup2(reading, 0)
            run_csq(self._reference, code, self._output, self._options)

        self._run = Fork("csq", work)
        os.close(reading)
        self._input, self._code = os.fdopen(writing, "wb", buffering=1 << 18), code
        self._input.write(self._header)


def run_csq(reference: Reference, code: int, output: int, engine_options: tuple[str, ...]) -> None:
    """csq from descriptor 0 to descriptor ``output``."""
    import pysam.bcftools

    pysam.bcftools.csq(
        *engine_options, "-C", str(code), "-f", str(reference.genome), "-g", str(reference.genes),
        "-Ov", "-o", f"/dev/fd/{output}", "-", catch_stdout=False,
    )  # fmt: skip


def options(*, haplotypes: bool) -> tuple[str, ...]:
    """csq's options. Without ``--local-csq`` it joins the changes of one haplotype."""
    mode = ("--phase", "r") if haplotypes else ("--local-csq",)
    return (*mode, "--force", "--no-version")


def parameters(reference: Reference, *, haplotypes: bool, normalise: bool) -> str:
    """What was asked for, as it goes into the result: the engine's options, without paths."""
    codes = sorted({contig.genetic_code for contig in reference.contigs})
    before = "norm --multiallelics -any; " if normalise else ""
    return before + " ".join((*options(haplotypes=haplotypes), *(f"-C {code}" for code in codes)))


def version() -> str:
    """bcftools' version, read from pysam's own file: importing it would load the engine."""
    from importlib.util import find_spec

    spec = find_spec("pysam")
    if spec is None or spec.origin is None:
        raise EngineDied("engine_missing", "pysam is not installed")
    scope: dict[str, str] = {}
    for line in (Path(spec.origin).parent / "version.py").read_text().splitlines():
        name, _, value = line.partition(" = ")
        scope[name] = value.strip("\"'")
    return scope["__bcftools_version__"]
