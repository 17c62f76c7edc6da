"""Bases of a reference by position, from its FASTA file and index, in constant memory."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType

WINDOW = 4 * 2**20
_BASES = frozenset(b"ACGT")


class Genome:
    """Reads ``genome.fa`` by ``genome.fa.fai`` (samtools' five columns), upper-cased."""

    def __init__(self, fasta: Path) -> None:
        self._file = fasta.open("rb")
        self._index: dict[str, tuple[int, int, int, int]] = {}
        for line in Path(f"{fasta}.fai").read_text().splitlines():
            name, length, offset, bases, width = line.split("\t")[:5]
            self._index[name] = (int(length), int(offset), int(bases), int(width))

    def __enter__(self) -> Genome:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()

    def bases(self, contig: str, start: int, count: int) -> bytes:
        """``count`` bases from 1-based ``start``; fewer at the contig's end."""
        length, offset, per_line, width = self._index[contig]
        first, last = start - 1, min(start - 1 + count, length)
        begin = offset + first // per_line * width + first % per_line
        end = offset + last // per_line * width + last % per_line
        self._file.seek(begin)
        return self._file.read(end - begin).replace(b"\n", b"").replace(b"\r", b"").upper()


def agrees(given: bytes, reference: bytes) -> bool:
    """Whether REF says what the reference says, where the reference says anything.

    A base the reference leaves open (N or an ambiguity code) cannot contradict a file.
    """
    if len(given) != len(reference):
        return False
    pairs = zip(given.upper(), reference, strict=True)
    return all(mine == theirs or theirs not in _BASES for mine, theirs in pairs)
