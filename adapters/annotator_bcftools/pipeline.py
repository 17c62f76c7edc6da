"""The run itself: check, engine and merge beside each other, joined by pipes.

::

    file -> check (this process) --records for csq--> csq (fork) --BCSQ--> merge (fork) -> body.gz
                     `----------the person's own lines (frames)------------^

Everything here runs in the sandboxed child, never in the process that asked for an annotation.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from adapters.annotator_bcftools import sandbox
from adapters.annotator_bcftools.bcf import as_text
from adapters.annotator_bcftools.engine import Engine, reap, wide_pipe
from adapters.annotator_bcftools.frames import read_frame, write_frame
from adapters.annotator_bcftools.header import Header
from adapters.annotator_bcftools.merge import Merge
from adapters.annotator_bcftools.preflight import (
    Opened,
    is_bcf,
    opened,
    recognised,
    usable_contigs,
)
from adapters.annotator_bcftools.records import Batch, NotSorted, RecordCheck, Tally
from adapters.annotator_bcftools.references import Contig, Library, Reference
from adapters.annotator_bcftools.sequence import Genome
from adapters.annotator_bcftools.sorting import Sorter
from domain.errors import InputRejected
from domain.ports import Limits

CHUNK = 256 * 1024


@dataclass(slots=True)
class Outcome:
    """What one pass found: the body is in ``temporary/body.gz``."""

    header: Header
    tally: Tally
    counts: dict[str, Any]
    was_sorted: bool
    crlf: bool
    info_types: dict[str, tuple[str, int]]


@dataclass(slots=True)
class Pass:
    """One way through a file, from its bytes to the annotated body."""

    source: Path
    reference: Reference
    library: Library
    limits: Limits
    temporary: Path
    progress: Callable[[str, int], None]

    def run(self) -> Outcome:
        """Annotate; a file out of order is sorted and gone through again.

        Raises InputRejected and EngineDied.
        """
        self._read_bcf()
        file = opened(self._chunks(), self.limits)
        contigs, unusable = usable_contigs(file.header, self.reference)
        try:
            return self._through(file, file.blocks(), contigs, unusable, was_sorted=True)
        except NotSorted:
            file = opened(self._chunks(), self.limits)
            ranks = {
                name: at
                for at, c in enumerate(self.reference.contigs)
                for name in _names(c, contigs)
            }
            sorter = Sorter(ranks, self.temporary, contigs=self.limits.contigs + len(ranks))
            blocks = sorter.sorted(file.blocks())
            return self._through(file, blocks, contigs, unusable, was_sorted=False)

    def _read_bcf(self) -> None:
        with self.source.open("rb") as file:
            head = file.read(CHUNK)
        if is_bcf(head):
            text = self.temporary / "input.vcf"
            as_text(self.source, text)
            self.source = text

    def _through(
        self,
        file: Opened,
        blocks: Iterable[tuple[Iterable[int], list[bytes]]],
        contigs: dict[str, Contig],
        unusable: frozenset[str],
        *,
        was_sorted: bool,
    ) -> Outcome:
        with Genome(self.reference.genome) as genome:
            merging = Merging(file.header, self.temporary)
            engine = Engine(self.reference, merging.engine_output)

            def emit(batch: Batch) -> None:
                merging.write(batch)
                engine.write(batch.engine)

            check = RecordCheck(
                contigs=contigs, unusable=unusable, genome=genome, limits=self.limits,
                width=file.header.width, meta=file.header.meta, emit=emit, switch=engine.switch,
            )  # fmt: skip
            try:
                for numbers, lines in blocks:
                    check.take(list(numbers), lines)
                check.finish()
                engine.finish()
                counts = merging.finish()
            except InputRejected as error:
                raise recognised(error, check.tally, self.reference, self.library) from None
            finally:
                engine.abandon()
                merging.abandon()
        return Outcome(
            file.header,
            check.tally,
            counts,
            was_sorted,
            file.lines.crlf,
            check.info_types.found,
        )

    def _chunks(self) -> Iterator[bytes]:
        size, told, done = max(self.source.stat().st_size, 1), -1, 0
        with self.source.open("rb") as file:
            while chunk := file.read(CHUNK):
                yield chunk
                done += len(chunk)
                if (percent := 100 * done // size) > told:
                    told = percent
                    self.progress("annotating", percent)


def _names(contig: Contig, contigs: dict[str, Contig]) -> list[str]:
    return [name for name, each in contigs.items() if each == contig]


class Merging:
    """The merging fork as its parent sees it."""

    def __init__(self, header: Header, temporary: Path) -> None:
        engine_in, self.engine_output = wide_pipe()
        spool = temporary / "frames"
        self.frames = spool.open("wb", buffering=1 << 18)
        self._counts = temporary / "merge.json"
        parent = os.getpid()
        self._pid = os.fork()
        if not self._pid:
            os.close(self.engine_output)
            _run_merge(header, temporary, spool, engine_in, parent)
        os.close(engine_in)
        self._output_open = True

    def write(self, batch: Batch) -> None:
        """Hand the person's own lines over."""
        write_frame(self.frames, batch.lines, batch.unsent)

    def finish(self) -> dict[str, Any]:
        """Wait for the body to be whole; what was counted."""
        self._close()
        self._wait()
        counts: dict[str, Any] = json.loads(self._counts.read_text())
        return counts

    def abandon(self) -> None:
        """End it, if it still runs."""
        if self._pid:
            os.kill(self._pid, 9)
            os.waitpid(self._pid, 0)
            self._pid = 0
            self._close()

    def _close(self) -> None:
        if self._output_open:
            os.close(self.engine_output)
            self._output_open = False
        self.frames.close()

    def _wait(self) -> None:
        pid, self._pid = self._pid, 0
        _, status = os.waitpid(pid, 0)
        reap(status, "merging")


def _run_merge(header: Header, temporary: Path, frames: Path, engine: int, parent: int) -> None:
    """Become the merging process; never returns."""
    sandbox.die_with_parent(parent)
    import pysam

    status = 1
    try:
        had_bcsq = any(b"=<ID=BCSQ," in line for line in header.meta)
        with (
            pysam.BGZFile(str(temporary / "body.gz"), "wb", None) as body,
            frames.open("rb") as framed,
            os.fdopen(engine, "rb") as told,
        ):
            merge = Merge(write=body.write, sites_only=header.width == 8, had_bcsq=had_bcsq)
            merge.run(lambda: read_frame(framed), told)
        counts = merge.counts
        document = {
            "records": counts.records,
            "annotated": counts.annotated,
            "by_consequence": counts.by_consequence,
            "by_impact": counts.by_impact,
            "by_gene": counts.by_gene,
        }
        (temporary / "merge.json").write_text(json.dumps(document))
        status = 0
    except BaseException:
        traceback.print_exc(file=sys.stderr)
    finally:
        sys.stderr.flush()
        os._exit(status)
