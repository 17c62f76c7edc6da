"""Runs of `bcftools csq`, one after the other, each in a fork of its own, fed through a pipe."""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import sys
from pathlib import Path
from typing import BinaryIO

from adapters.annotator_bcftools import sandbox
from adapters.annotator_bcftools.references import Contig, Reference

HEADER = "##fileformat=VCFv4.2\n{contigs}#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"
INFO_LINE = (
    b'##INFO=<ID=BCSQ,Number=.,Type=String,Description="Local consequence annotation from '
    b"BCFtools/csq, see http://samtools.github.io/bcftools/howtos/csq-calling.html for details. "
    b'Format: Consequence|gene|transcript|biotype|strand|amino_acid_change|dna_change">'
)
OPTIONS = ("--local-csq", "--force", "--no-version")


class EngineDied(Exception):
    """csq ended badly; ``code`` as in ``domain.rejections``, the message is its last words."""

    def __init__(self, code: str, detail: str) -> None:
        self.code = code
        super().__init__(detail)


class Engine:
    """One stream of records through as many csq runs as genetic codes follow each other in it.

    All runs write to ``output`` in turn: the next starts when the one before has ended, so the
    order of the records is the order of the file.
    """

    def __init__(self, reference: Reference, output: int) -> None:
        self._reference, self._output = reference, output
        self._input: BinaryIO | None = None
        self._pid, self._code = 0, 0
        header = "".join(f"##contig=<ID={c.name},length={c.length}>\n" for c in reference.contigs)
        self._header = HEADER.format(contigs=header).encode()

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
        try:
            self._input.write(records)
            self._input.flush()
        except BrokenPipeError:
            self._reap()
            raise EngineDied("engine_crashed", "csq stopped reading") from None

    def finish(self) -> None:
        """End the current run and wait for it. Raises EngineDied."""
        if self._input is None:
            return
        self._input.close()
        self._input, self._code = None, 0
        self._reap()

    def abandon(self) -> None:
        """End the current run, if there is one, whatever it is doing."""
        if self._pid:
            os.kill(self._pid, signal.SIGKILL)
            os.waitpid(self._pid, 0)
            self._pid = 0
        if self._input is not None:
            with contextlib.suppress(BrokenPipeError):
                self._input.close()
            self._input = None

    def _start(self, code: int) -> None:
        reading, writing = wide_pipe()
        parent = os.getpid()
        self._pid = os.fork()
        if not self._pid:
            os.close(writing)
            os.dup2(reading, 0)
            _run_csq(self._reference, code, self._output, parent)
        os.close(reading)
        self._input, self._code = os.fdopen(writing, "wb", buffering=1 << 18), code
        self._input.write(self._header)

    def _reap(self) -> None:
        pid, self._pid = self._pid, 0
        _, status = os.waitpid(pid, 0)
        reap(status, "csq")


def wide_pipe() -> tuple[int, int]:
    """A pipe that holds 1 MB where the system lets it: fewer changes between processes."""
    reading, writing = os.pipe()
    if sys.platform.startswith("linux"):
        with contextlib.suppress(OSError):  # beyond what this user's pipes may hold together
            fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, 2**20)
    return reading, writing


def reap(status: int, what: str) -> None:
    """Raise EngineDied unless a waited-for process ended well."""
    code = os.waitstatus_to_exitcode(status)
    if code < 0:
        raise EngineDied(_SIGNALS.get(-code, "engine_crashed"), f"{what} ended by signal {-code}")
    if code:
        raise EngineDied(_EXITS.get(code, "engine_crashed"), f"{what} ended with {code}")


OUT_OF_MEMORY = 7
_SIGNALS = {9: "engine_killed", 24: "engine_out_of_time", 25: "engine_out_of_disk"}
_EXITS = {OUT_OF_MEMORY: "engine_out_of_memory"}


def _run_csq(reference: Reference, code: int, output: int, parent: int) -> None:
    """Become csq: reads descriptor 0, writes ``output``; never returns."""
    sandbox.die_with_parent(parent)
    import pysam.bcftools
    import pysam.utils

    status = 1
    try:
        pysam.bcftools.csq(
            *OPTIONS, "-C", str(code), "-f", str(reference.genome), "-g", str(reference.genes),
            "-Ov", "-o", f"/dev/fd/{output}", "-", catch_stdout=False,
        )  # fmt: skip
        status = 0
    except pysam.utils.SamtoolsError as error:
        sys.stderr.write(f"{error}\n")
        status = OUT_OF_MEMORY if "lloc" in str(error) else 1
    except MemoryError:
        status = OUT_OF_MEMORY
    finally:
        sys.stderr.flush()
        os._exit(status)


def parameters(reference: Reference) -> str:
    """csq's own options as they go into the result, without paths."""
    codes = sorted({contig.genetic_code for contig in reference.contigs})
    return " ".join((*OPTIONS, *(f"-C {code}" for code in codes)))


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
