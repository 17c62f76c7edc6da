"""Puts what the engine said into the person's own lines, and counts it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, fields
from typing import Any, BinaryIO

from adapters.annotator_bcftools.consequences import IMPACTS, impact, terms
from adapters.annotator_bcftools.frames import Frame
from adapters.annotator_bcftools.known import KnownVariants
from adapters.annotator_bcftools.rows import collapsed, rows

TAB = b"\t"
KEYS = 50_000  # distinct consequence-and-gene sets counted before they are added up
Effects = tuple[tuple[bytes, bytes], ...]  # (consequence, gene), distinct, of one record


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

    def add(self, effects: Effects, records: int) -> None:
        """Count ``records`` records that all have these effects."""
        self.annotated += records
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
    ) -> None:
        self._write, self._rows, self._known = write, rows, known
        self._sites_only, self._had_bcsq = sites_only, had_bcsq
        self._effects: Counter[Effects] = Counter()
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
        first = self.counts.records
        self.counts.records += len(lines)
        if self._had_bcsq:
            lines = [without_bcsq(line) for line in lines]
        if self._known is not None:
            lines = self._known.join(lines)
        if unsent:
            found_by_line = iter(found)
            left = set(unsent)
            found = [b"" if at in left else next(found_by_line) for at in range(len(lines))]
        put = _put_last if self._sites_only else _put
        out: list[bytes] = []
        seen: list[Effects] = []
        told = [result.partition(b"BCSQ=")[2] for result in found]
        for line, bcsq in zip(lines, told, strict=True):
            if bcsq:
                out.append(put(line, bcsq))
                seen.append(effects_of(bcsq))
            else:
                out.append(line)
        self._effects.update(seen)
        if len(self._effects) > KEYS:
            self._add_up()
        out.append(b"")
        self._write(b"\n".join(out))
        heads = [line.rpartition(TAB)[0] for line in lines] if self._sites_only else _heads(lines)
        self._rows(rows(first, heads, map(collapsed, told)))

    def _add_up(self) -> None:
        for effects, records in self._effects.items():
            self.counts.add(effects, records)
        self._effects.clear()


def effects_of(bcsq: bytes) -> Effects:
    """The distinct (consequence, gene) pairs of one BCSQ value, sorted."""
    if b"," not in bcsq:
        consequence, gene, _ = bcsq.split(b"|", 2)
        return ((consequence, gene),)
    pairs = {tuple(each.split(b"|", 2)[:2]) for each in bcsq.split(b",")}
    return tuple(sorted(pairs))  # type: ignore[arg-type]


def _heads(lines: list[bytes]) -> list[bytes]:
    """CHROM to FILTER of lines with samples."""
    return [TAB.join(line.split(TAB, 7)[:7]) for line in lines]


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
