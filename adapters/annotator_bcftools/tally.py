"""What the check hands on, and what it counts."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from adapters.annotator_bcftools.changes import Changes

EXAMPLES = 5
SAMPLE = 200  # REF kept to find out which genome a file was made with


class NotSorted(Exception):
    """Positions go back, or a contig comes again: the file must be sorted first."""


@dataclass(slots=True)
class Batch:
    """Checked records: ``lines`` as given, ``unsent`` the indexes of those csq does not get."""

    engine: bytes
    lines: list[bytes]
    unsent: list[int]


def engine_lines(target: bytes, rows: list[bytes], first: int) -> bytes:
    """Lines for csq from what follows CHROM in each; the merge sees by the IDs that none is lost.

    First and last line get their running number as ID, counted from ``first``.
    """
    if not rows:
        return b""
    for at, number in ((0, first), (-1, first + len(rows) - 1)):
        place, _, rest = rows[at].split(b"\t", 2)
        rows[at] = b"%b\t%d\t%b" % (place, number, rest)
    begin = target + b"\t"
    return begin + (b"\n" + begin).join(rows) + b"\n"


@dataclass(slots=True)
class Tally:
    """What the check counted. ``examples``: the first (line, contig, position) of each reason."""

    records: int = 0
    checked: int = 0
    per_contig: Counter[str] = field(default_factory=Counter)
    changes: Changes = field(default_factory=Changes)
    skipped: Counter[str] = field(default_factory=Counter)
    examples: dict[str, list[tuple[int, str, int]]] = field(default_factory=dict)
    sample: list[tuple[str, int, bytes]] = field(default_factory=list)

    def skip(self, reason: str, number: int, name: str, pos: int) -> None:
        """Count a record that is left without annotation; the first of a reason are kept."""
        self.skipped[reason] += 1
        examples = self.examples.setdefault(reason, [])
        if len(examples) < EXAMPLES:
            examples.append((number, name, pos))

    def count(self, name: str, changes: list[tuple[bytes, bytes]], sent: int) -> None:
        """Count records of one contig; ``sent`` of them go to the engine."""
        self.records += len(changes)
        self.checked += sent
        self.per_contig[name] += len(changes)
        self.changes.add(changes)

    def sampled(self, name: str, pos: int, ref: bytes) -> None:
        """Keep a REF, if there are not enough yet."""
        if len(self.sample) < SAMPLE:
            self.sample.append((name, pos, ref))
