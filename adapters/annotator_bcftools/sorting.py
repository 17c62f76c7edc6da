"""Sorts the records of a file by contig and position on disk, each with its number in the file."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from operator import itemgetter
from pathlib import Path

from domain.errors import InputRejected

RUN = 200_000  # records sorted in memory at a time
RUN_BYTES = 64 * 2**20
Keyed = tuple[int, int, int, bytes]  # contig rank, position, line number, line


class Sorter:
    """External merge sort. Contigs in the order given, then in order of appearance."""

    def __init__(self, ranks: dict[str, int], folder: Path, *, contigs: int) -> None:
        self._ranks = {name.encode(): rank for name, rank in ranks.items()}
        self._folder, self._most = folder, contigs
        self._runs: list[Path] = []

    def sorted(
        self, blocks: Iterable[tuple[Iterable[int], list[bytes]]]
    ) -> Iterator[tuple[list[int], list[bytes]]]:
        """Blocks of (numbers, lines) in order; equal positions stay in the order of the file."""
        held: list[Keyed] = []
        size = 0
        for numbers, lines in blocks:
            for number, line in zip(numbers, lines, strict=True):
                if line:
                    held.append(self._keyed(number, line))
                    size += len(line)
            if len(held) >= RUN or size >= RUN_BYTES:
                self._spill(held)
                held, size = [], 0
        self._spill(held)
        merged = heapq.merge(*(_read(run) for run in self._runs), key=itemgetter(0, 1, 2))
        yield from _blocks(merged)

    def _keyed(self, number: int, line: bytes) -> Keyed:
        """A line that is no record sorts first, so that the check finds it and says so."""
        columns = line.split(b"\t", 2)
        if len(columns) < 3 or not columns[1].isdigit():
            return (-1, 0, number, line)
        rank = self._ranks.setdefault(columns[0], len(self._ranks))
        if len(self._ranks) > self._most:
            raise InputRejected("too_many_contigs", line=number, facts={"contigs": self._most})
        return (rank, int(columns[1]), number, line)

    def _spill(self, held: list[Keyed]) -> None:
        if not held:
            return
        held.sort(key=itemgetter(0, 1, 2))
        path = self._folder / f"run{len(self._runs)}"
        with path.open("wb") as out:
            out.writelines(b"%d\t%d\t%d\t%b\n" % each for each in held)
        self._runs.append(path)


def _read(path: Path) -> Iterator[Keyed]:
    with path.open("rb") as run:
        for row in run:
            rank, position, number, line = row[:-1].split(b"\t", 3)
            yield int(rank), int(position), int(number), line
    path.unlink()


def _blocks(rows: Iterable[Keyed], count: int = 5000) -> Iterator[tuple[list[int], list[bytes]]]:
    numbers: list[int] = []
    lines: list[bytes] = []
    for _, _, number, line in rows:
        numbers.append(number)
        lines.append(line)
        if len(lines) == count:
            yield numbers, lines
            numbers, lines = [], []
    if lines:
        yield numbers, lines
