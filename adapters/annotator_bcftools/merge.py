"""Puts what the engine said into the person's own lines, and counts it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, fields
from typing import Any, BinaryIO

from adapters.annotator_bcftools.consequences import IMPACTS, impact, terms
from adapters.annotator_bcftools.effects import NOTHING, Pairs, effects_of
from adapters.annotator_bcftools.frames import Frame
from adapters.annotator_bcftools.genotypes import with_bits
from adapters.annotator_bcftools.known import KnownVariants

TAB = b"\t"
KINDS = 50_000  # distinct BCSQ values remembered before what they say is added up
BCSQ = b"\tBCSQ="  # all of INFO in the engine's line; no allele can hold a tab
CELL = 200  # bytes of a long record's single columns in the table; the VCF has them all
LONG_RECORD = 2000  # bytes from CHROM to FILTER that are many
Kind = tuple[int, tuple[bytes, ...]]  # number of what is counted, rows for the table
NO_EFFECT: Kind = (0, NOTHING)


class OutOfStep(Exception):
    """The engine lost, added or swapped a record: nothing may be published."""


@dataclass(slots=True)
class Counts:
    """Records by what was found: each once per term and gene, and under its worst impact."""

    records: int = 0
    annotated: int = 0
    by_consequence: Counter[str] = field(default_factory=Counter)
    by_impact: Counter[str] = field(default_factory=Counter)
    by_gene: dict[str, Counter[str]] = field(default_factory=dict)

    def add(self, effects: Pairs, records: int) -> None:
        """Count ``records`` records that all have these effects."""
        self.annotated += records
        if not effects:  # told at another record of the haplotype
            return
        every = {term for consequence, _ in effects for term in terms(consequence.decode())}
        for term in every:
            self.by_consequence[term] += records
        worst = min((impact(c.decode()) for c, _ in effects), key=IMPACTS.index)
        self.by_impact[worst] += records
        genes: dict[str, str] = {}
        for consequence, gene in effects:
            name, its = gene.decode(), impact(consequence.decode())
            genes[name] = min(genes.get(name, its), its, key=IMPACTS.index)
        for name, its in genes.items():
            self.by_gene.setdefault(name, Counter())[its] += records

    def document(self) -> dict[str, Any]:
        """The counts as plain JSON."""
        return {each.name: getattr(self, each.name) for each in fields(self)}


def engine_lines(source: BinaryIO, size: int = 1 << 18) -> Iterator[list[bytes]]:
    """The engine's records in blocks, headers left out (every run of it writes one)."""
    carry = b""
    while block := source.read1(size):  # type: ignore[attr-defined]
        block = carry + block
        cut = block.rfind(b"\n") + 1
        carry = block[cut:]
        lines = block[:cut].split(b"\n")
        lines.pop()
        if b"#" in block:
            lines = [line for line in lines if not line.startswith(b"#")]
        if lines:
            yield lines
    if carry:
        raise OutOfStep("the engine's last line has no end")


class Merge:
    """Joins frames with the engine's lines.

    ``write`` gets text ready for the result file, ``rows`` lines for the table.
    """

    def __init__(
        self,
        *,
        write: Callable[[bytes], object],
        rows: Callable[[bytes], object],
        sites_only: bool,
        had_bcsq: bool,
        known: KnownVariants | None = None,
        haplotypes: bool = False,
    ) -> None:
        self._write, self._rows, self._known = write, rows, known
        self._haplotypes = haplotypes
        self._sites_only, self._had_bcsq = sites_only, had_bcsq
        self._kinds: dict[bytes, Kind] = {b"": NO_EFFECT}
        self._numbers: dict[Pairs, int] = {}
        self._seen: Counter[int] = Counter()
        self._sent = 0
        self.counts = Counts()

    def run(self, next_frame: Callable[[], Frame | None], engine: BinaryIO) -> None:
        """Read both to their ends. Raises OutOfStep when they do not fit each other.

        A frame is asked for when one of its records is there, or the engine has ended: only then
        is it sure to be written.
        """
        blocks = engine_lines(engine)
        ready = next(blocks, [])
        while (frame := next_frame()) is not None:
            lines, unsent = frame
            wanted = len(lines) - len(unsent)
            while len(ready) < wanted:
                more = next(blocks, [])
                if not more:
                    raise OutOfStep(f"the engine gave {len(ready)} of {wanted} records")
                ready = ready + more if ready else more
            found, ready = ready[:wanted], ready[wanted:]
            self._in_step(found)
            self._join(lines, unsent, found)
            ready = ready or next(blocks, [])
        if ready:
            raise OutOfStep("the engine gave more records than it got")
        self._add_up()

    def _in_step(self, found: list[bytes]) -> None:
        """The running number of a block's first and last record tells whether any was lost."""
        if not found:
            return
        for line, number in ((found[0], self._sent), (found[-1], self._sent + len(found) - 1)):
            if line.split(TAB, 3)[2] != b"%d" % number:
                raise OutOfStep(f"expected record {number}")
        self._sent += len(found)

    def _join(self, lines: list[bytes], unsent: list[int], found: list[bytes]) -> None:
        if self._had_bcsq:
            lines = [without_bcsq(line) for line in lines]
        if self._known is not None:
            lines = self._known.join(lines)
        if unsent:
            found_by_line = iter(found)
            left = set(unsent)
            found = [b"" if at in left else next(found_by_line) for at in range(len(lines))]
        if self._haplotypes:
            lines = [with_bits_of(line, result) for line, result in zip(lines, found, strict=True)]
            found = [result.partition(b"\tGT")[0] for result in found]
        told = [result.partition(BCSQ)[2] for result in found]
        kinds = self._kinds
        its = [kinds.get(bcsq) or self._kind(bcsq) for bcsq in told]
        put = _put_last if self._sites_only else _put
        out = [put(line, bcsq) if bcsq else line for line, bcsq in zip(lines, told, strict=True)]
        out.append(b"")
        self._write(b"\n".join(out))
        self._write_rows(lines, [rows for _, rows in its])
        self._seen.update([number for number, _ in its])
        if len(kinds) > KINDS:
            self._add_up()

    def _kind(self, bcsq: bytes) -> Kind:
        """Number and rows of a BCSQ value; introns say the same thousands of times."""
        effects = effects_of(bcsq)
        number = self._numbers.setdefault(effects.pairs, len(self._numbers) + 1)
        self._kinds[bcsq] = kind = (number, effects.rows)
        return kind

    def _write_rows(self, lines: list[bytes], rows: list[tuple[bytes, ...]]) -> None:
        """Lines for the table: number of the record from 0, CHROM to FILTER, one effect."""
        heads = [line.rpartition(TAB)[0] for line in lines] if self._sites_only else _heads(lines)
        if max(map(len, heads)) > LONG_RECORD:
            heads = [_cut(head) if len(head) > LONG_RECORD else head for head in heads]
        first = self.counts.records
        self.counts.records += len(lines)
        numbered = zip(range(first, self.counts.records), heads, rows, strict=True)
        table = [b"%d\t%b\t%b\n" % (vid, head, row) for vid, head, its in numbered for row in its]
        self._rows(b"".join(table))

    def _add_up(self) -> None:
        for pairs, number in self._numbers.items():
            self.counts.add(pairs, self._seen[number])
        self._seen.clear()
        self._numbers.clear()
        self._kinds.clear()
        self._kinds[b""] = NO_EFFECT


def _heads(lines: list[bytes]) -> list[bytes]:
    """CHROM to FILTER of lines with samples."""
    return [TAB.join(line.split(TAB, 7)[:7]) for line in lines]


def _cut(head: bytes) -> bytes:
    """Long columns cut short: a row is written for each of up to thousands of effects."""
    cells = (cell.decode() for cell in head.split(TAB))
    return TAB.join((cell if len(cell) <= CELL else f"{cell[:CELL]}…").encode() for cell in cells)


def with_bits_of(line: bytes, result: bytes) -> bytes:
    """A line with the engine's FORMAT/BCSQ."""
    return TAB.join(with_bits(line.split(TAB), result))


def _put_last(line: bytes, bcsq: bytes) -> bytes:
    """Into a line whose last column is INFO."""
    if line.endswith(b"\t."):
        return line[:-1] + b"BCSQ=" + bcsq
    return line + b";BCSQ=" + bcsq


def _put(line: bytes, bcsq: bytes) -> bytes:
    """Into a line with samples behind INFO."""
    columns = line.split(TAB, 8)
    info = columns[7]
    columns[7] = b"BCSQ=" + bcsq if info == b"." else info + b";BCSQ=" + bcsq
    return TAB.join(columns)


def without_bcsq(line: bytes) -> bytes:
    """A line without the BCSQ of an earlier run, in INFO and in the samples."""
    if b"BCSQ" not in line:
        return line
    columns = line.split(TAB)
    kept = [each for each in columns[7].split(b";") if each.split(b"=", 1)[0] != b"BCSQ"]
    columns[7] = b";".join(kept) or b"."
    keys = columns[8].split(b":") if len(columns) > 8 else []
    if b"BCSQ" in keys:
        at = keys.index(b"BCSQ")
        columns[8:] = [_without_part(each, at) for each in columns[8:]]
    return TAB.join(columns)


def _without_part(column: bytes, at: int) -> bytes:
    parts = column.split(b":")
    del parts[at : at + 1]
    return b":".join(parts) or b"."
