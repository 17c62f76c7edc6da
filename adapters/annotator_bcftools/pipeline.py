"""The run itself: check, engine, merge and table beside each other, joined by pipes.

::

    file -> check (this process) --records for csq--> csq (fork) --BCSQ--> merge (fork) -> body.gz
                     `----------the person's own lines (frames)------------^  `-> table (fork)

Everything here runs in the sandboxed child, never in the process that asked for an annotation.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from adapters.annotator_bcftools.bcf import as_text
from adapters.annotator_bcftools.engine import Engine
from adapters.annotator_bcftools.forks import EngineDied
from adapters.annotator_bcftools.header import Header
from adapters.annotator_bcftools.info_column import InfoColumn
from adapters.annotator_bcftools.merging import Merging
from adapters.annotator_bcftools.normalise import Normalising
from adapters.annotator_bcftools.preflight import (
    Opened,
    is_bcf,
    opened,
    recognised,
    usable_contigs,
)
from adapters.annotator_bcftools.records import RecordCheck
from adapters.annotator_bcftools.references import Contig, Library, Reference
from adapters.annotator_bcftools.sequence import Genome
from adapters.annotator_bcftools.sorting import Sorter
from adapters.annotator_bcftools.table import Table
from adapters.annotator_bcftools.tally import Batch, NotSorted, Tally
from domain.errors import InputRejected
from domain.ports import Limits, Options

CHUNK = 256 * 1024


@dataclass(slots=True)
class Outcome:
    """What one pass found: the body is in ``temporary/body.gz``, the table still being written."""

    table: Table
    header: Header
    tally: Tally
    counts: dict[str, Any]
    was_sorted: bool
    crlf: bool
    info_types: dict[str, tuple[str, int]]
    seconds: dict[str, float]
    given: int = 0  # records before normalising


@dataclass(slots=True)
class Pass:
    """One way through a file, from its bytes to the annotated body."""

    source: Path
    reference: Reference
    library: Library
    limits: Limits
    temporary: Path
    progress: Callable[[str, int], None]
    options: Options = field(default_factory=Options)

    def run(self) -> Outcome:
        """Annotate; a file out of order is sorted and gone through again.

        Raises InputRejected and EngineDied.
        """
        self._read_bcf()
        records = self._normalise() if self.options.normalise else None
        outcome = self._annotate()
        outcome.given = outcome.tally.records if records is None else records
        return outcome

    def _annotate(self) -> Outcome:
        file = opened(self._chunks(), self.limits)
        contigs, unusable = usable_contigs(file.header, self.reference)
        try:
            return self._through(file, file.blocks(), contigs, unusable, was_sorted=True)
        except NotSorted:
            file = opened(self._chunks(), self.limits)
            blocks = self._in_order(file, contigs)
            return self._through(file, blocks, contigs, unusable, was_sorted=False)

    def _normalise(self) -> int:
        """Left-align and split what can be annotated; how many records there were before."""
        file = opened(self._chunks(), self.limits)
        contigs, unusable = usable_contigs(file.header, self.reference)
        norm = Normalising(file.header, self.reference, self.temporary)
        with Genome(self.reference.genome) as genome:
            check = RecordCheck(
                contigs=contigs, unusable=unusable, genome=genome, limits=self.limits,
                width=file.header.width, emit=norm.take, switch=norm.switch,
            )  # fmt: skip
            try:
                for numbers, lines in self._in_order(file, contigs):
                    check.take(list(numbers), lines)
                check.finish()
            except InputRejected as error:
                raise recognised(error, check.tally, self.reference, self.library) from None
        self.source = norm.finish()
        return check.tally.records

    def _in_order(
        self, file: Opened, contigs: dict[str, Contig]
    ) -> Iterator[tuple[Iterable[int], list[bytes]]]:
        """A file's records sorted."""
        ranks = {
            name: at for at, c in enumerate(self.reference.contigs) for name in _names(c, contigs)
        }
        sorter = Sorter(ranks, self.temporary, contigs=self.limits.contigs + len(ranks))
        yield from sorter.sorted(file.blocks())

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
        table = Table(self.temporary)
        try:
            return self._joined(table, file, blocks, contigs, unusable, was_sorted=was_sorted)
        except EngineDied:
            table.wait()  # if it ended badly, the merge broke off because of that
            raise
        except BaseException:
            table.abandon()
            raise

    def _joined(
        self,
        table: Table,
        file: Opened,
        blocks: Iterable[tuple[Iterable[int], list[bytes]]],
        contigs: dict[str, Contig],
        unusable: frozenset[str],
        *,
        was_sorted: bool,
    ) -> Outcome:
        with Genome(self.reference.genome) as genome:
            merging = Merging(file.header, self.temporary, self.reference, self.options, table.rows)
            samples = len(file.header.samples) if self.options.haplotypes else 0
            engine = Engine(self.reference, merging.engine_output, haplotypes_of=samples)

            def emit(batch: Batch) -> None:
                merging.write(batch)
                engine.write(batch.engine)

            check = RecordCheck(
                contigs=contigs, unusable=unusable, genome=genome, limits=self.limits,
                width=file.header.width, meta=file.header.meta,
                haplotypes=self.options.haplotypes, emit=emit, switch=engine.switch,
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
            table,
            file.header,
            check.tally,
            counts,
            was_sorted,
            file.lines.crlf,
            check.info.found,
            {"engine": engine.seconds, "merging": merging.seconds},
        )

    def look_through(self) -> None:
        """Find what htslib could not read in the whole file. Raises InputRejected."""
        file = opened(self._chunks(), self.limits)
        column = InfoColumn(file.header.meta, records=sys.maxsize)
        for numbers, lines in file.blocks():
            found = [(n, line) for n, line in zip(numbers, lines, strict=True) if line]
            column.look([n for n, _ in found], [line for _, line in found])
        raise InputRejected("unreadable")

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
