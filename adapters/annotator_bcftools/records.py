"""Checks every record once, in order, and says what the engine shall see of it.

The engine gets a line of its own making: the reference's contig name, POS, a running number as ID,
REF and ALT. So nothing else of a person's file can harm it, and nothing of theirs is rewritten.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from adapters.annotator_bcftools.alleles import NotAnAllele, judged, ref_kind
from adapters.annotator_bcftools.changes import Changes
from adapters.annotator_bcftools.info_types import InfoTypes
from adapters.annotator_bcftools.references import Contig
from adapters.annotator_bcftools.sequence import WINDOW, Genome, agrees
from domain.errors import InputRejected
from domain.ports import Limits

TAB = b"\t"
SAMPLED = 10_000  # records after which the share of wrong REF decides
WRONG_SHARE = 0.05
EXAMPLES = 5
SAMPLE = 200  # REF kept to find out which genome a file was made with
ALLELES = 5_000  # of one position, counting records with many of them: each may cost csq 14 kB
MANY = 10
EMPTY = 100_000  # empty lines passed over before something must be wrong
SEEN = 50_000  # values remembered of one column before starting over


class NotSorted(Exception):
    """Positions go back, or a contig comes again: the file must be sorted first."""


@dataclass(slots=True)
class Batch:
    """Checked records: ``lines`` as given, ``unsent`` the indexes of those csq does not get."""

    engine: bytes
    lines: list[bytes]
    unsent: list[int]


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


class RecordCheck:
    """One pass over the records of one file.

    ``emit`` gets every batch, ``switch`` the contig (None for one the reference does not have)
    before its first batch. ``contigs`` maps every name a file may use to the reference's contig;
    ``unusable`` are names whose declared length contradicts it.
    """

    def __init__(
        self,
        *,
        contigs: dict[str, Contig],
        unusable: frozenset[str],
        genome: Genome,
        limits: Limits,
        width: int,
        meta: Sequence[bytes] = (),
        emit: Callable[[Batch], None],
        switch: Callable[[Contig | None], None],
    ) -> None:
        self._contigs, self._unusable = contigs, unusable
        self._genome, self._limits, self._tabs = genome, limits, width - 1
        self._emit, self._switch = emit, switch
        self.tally = Tally()
        self.info_types = InfoTypes(meta)
        self._sent = 0
        self._name = b""
        self._contig: Contig | None = None
        self._last, self._same = 0, 0
        self._window, self._low = b"", 1
        self._alts: set[bytes] = set()
        self._quals: set[bytes] = {b"."}
        self._done: set[bytes] = set()
        self._alleles = (0, 0)
        self._empty = 0

    def take(self, numbers: Sequence[int], lines: list[bytes]) -> None:
        """Check lines (``numbers``: theirs in the file). Raises InputRejected or NotSorted."""
        if b"" in lines:
            self._count_empty(lines.count(b""))
            numbers = [number for number, line in zip(numbers, lines, strict=True) if line]
            lines = [line for line in lines if line]
        start = 0
        while start < len(lines):
            start = self._take_contig(numbers, lines, start)
        self.info_types.look(numbers, lines)
        if self.tally.checked >= SAMPLED:
            self._judge_build()

    def finish(self) -> None:
        """Decide what only the whole file tells. Raises InputRejected."""
        if not self.tally.records:
            raise InputRejected("no_records")
        self._judge_build()
        if self.tally.skipped["unknown_contig"] == self.tally.records:
            raise InputRejected("unknown_contigs", facts={"reference": ""})

    # --- the hot loop ----------------------------------------------------------------------------
    def _take_contig(self, numbers: Sequence[int], lines: list[bytes], start: int) -> int:
        """Check lines from ``start`` up to the next contig; where that begins."""
        self._begin(lines[start], numbers[start])
        current, tabs, alts, quals = self._name, self._tabs, self._alts, self._quals
        target = b"" if self._contig is None else self._contig.name.encode()
        last, window, low, number = self._last, self._window, self._low, self._sent
        out: list[bytes] = []
        changes: list[tuple[bytes, bytes]] = []
        unsent: list[int] = []
        # The split sees to seven tabs at least: where seven is the average, every line has seven.
        counted = tabs != 7 or b"".join(lines).count(TAB) != 7 * len(lines)
        at = start
        for at in range(start, len(lines)):
            line = lines[at]
            try:
                chrom, place, _, ref, alt, qual, _, _ = line.split(TAB, 7)
                pos = int(place)
            except ValueError:
                self._malformed(numbers[at], line)
                raise
            if chrom != current:
                break
            if pos <= last or not place.isdigit():
                self._order(numbers[at], place, pos, last)
            else:
                self._same = 0
            last = pos
            if counted and line.count(TAB) != tabs:
                self._malformed(numbers[at], line)
            if qual not in quals:
                self._qual(numbers[at], qual)
            offset = pos - low
            if window[offset : offset + len(ref)] != ref or alt not in alts:
                allowed = self._odd(numbers[at], pos, ref, alt)
                window, low = self._window, self._low
                if allowed is None:
                    unsent.append(at - start)
                    changes.append((ref, alt))
                    continue
                ref_sent, alt_sent = allowed
            else:
                ref_sent, alt_sent = ref, alt
            changes.append((ref, alt))
            out.append(
                b"%b\t%b\t%d\t%b\t%b\t.\t.\t.\n" % (target, place, number, ref_sent, alt_sent)
            )
            number += 1
        else:
            at += 1
        self._last, self._sent = last, number
        self._count(current, changes, len(out))
        self._emit(Batch(b"".join(out), lines[start:at], unsent))
        return at

    def _count(self, name: bytes, changes: list[tuple[bytes, bytes]], sent: int) -> None:
        tally = self.tally
        tally.records += len(changes)
        tally.checked += sent
        tally.per_contig[name.decode()] += len(changes)
        tally.changes.add(changes)

    # --- what rarely happens ---------------------------------------------------------------------
    def _begin(self, line: bytes, number: int) -> None:
        """Make the line's contig the current one."""
        name = line.split(TAB, 1)[0]
        if name == self._name:
            return
        if name.startswith(b"#"):
            raise InputRejected("header_in_body", line=number)
        if name in self._done:
            raise NotSorted
        if line.count(TAB) < 7:
            self._malformed(number, line)
        self._done.add(name)
        if len(self._done) > self._limits.contigs:
            facts: dict[str, str | int] = {"contigs": self._limits.contigs}
            raise InputRejected("too_many_contigs", line=number, facts=facts)
        self._name, self._last, self._same = name, 0, 0
        self._window, self._low = b"", 1
        text = name.decode()
        self._contig = None if text in self._unusable else self._contigs.get(text)
        self._switch(self._contig)

    def _count_empty(self, empty: int) -> None:
        self._empty += empty
        if self._empty > EMPTY:
            raise InputRejected("empty_lines", facts={"lines": EMPTY})

    def _malformed(self, number: int, line: bytes) -> None:
        """Say what is wrong with a line that is no record of the right width."""
        fields = line.split(TAB)
        if line.startswith(b"#"):
            raise InputRejected("header_in_body", line=number)
        if len(fields) < 8:
            code = "spaces" if len(line.split()) >= 8 else "too_few_columns"
            raise InputRejected(code, line=number, facts={"columns": len(fields)})
        if not fields[1].isdigit() or len(fields[1]) > 18:
            raise InputRejected("position", line=number, column=2)
        facts: dict[str, str | int] = {"columns": len(fields), "expected": self._tabs + 1}
        raise InputRejected("column_count", line=number, facts=facts)

    def _order(self, number: int, place: bytes, pos: int, last: int) -> None:
        """A position that does not follow the one before."""
        if not place.isdigit():
            raise InputRejected("position", line=number, column=2)
        if pos < 1:
            raise InputRejected("position_zero", line=number, column=2)
        if pos < last:
            raise NotSorted
        self._same += pos == last
        if self._same >= self._limits.records_per_position:
            facts: dict[str, str | int] = {
                "records": self._limits.records_per_position,
                "position": pos,
            }
            raise InputRejected("too_many_at_position", line=number, facts=facts)

    def _qual(self, number: int, qual: bytes) -> None:
        try:
            float(qual)
        except ValueError:
            raise InputRejected("quality", line=number, column=6) from None
        _remember(self._quals, qual)

    def _odd(self, number: int, pos: int, ref: bytes, alt: bytes) -> tuple[bytes, bytes] | None:
        """REF and ALT as csq shall see them, or None when it shall not: the reason is counted."""
        try:
            kind = ref_kind(ref)
        except NotAnAllele:
            raise InputRejected("ref_not_bases", line=number, column=4) from None
        try:
            sent, reason = judged(alt)
        except NotAnAllele:
            raise InputRejected("alt_not_bases", line=number, column=5) from None
        reason = self._place_reason(number, pos, ref) or ("" if kind == "bases" else kind) or reason
        if reason:
            self._skip(reason, number, pos)
            return None
        if (alleles := sent.count(b",") + 1) > MANY:
            self._count_alleles(number, pos, alleles)
        elif sent == alt:
            _remember(self._alts, alt)
        return ref.upper(), sent

    def _place_reason(self, number: int, pos: int, ref: bytes) -> str:
        """Why REF at this place cannot be judged, or nothing."""
        if len(self.tally.sample) < SAMPLE:
            self.tally.sample.append((self._name.decode(), pos, ref))
        if self._contig is None:
            return "contig_length" if self._name.decode() in self._unusable else "unknown_contig"
        if pos + len(ref) - 1 > self._contig.length:
            facts: dict[str, str | int] = {
                "contig": self._contig.name,
                "length": self._contig.length,
            }
            raise InputRejected("position_past_end", line=number, column=2, facts=facts)
        if pos - self._low + len(ref) > len(self._window):
            self._low = pos
            count = max(WINDOW, len(ref))
            self._window = self._genome.bases(self._contig.name, pos, count)
        offset = pos - self._low
        right = agrees(ref, self._window[offset : offset + len(ref)])
        return "" if right else "wrong_ref"

    def _count_alleles(self, number: int, pos: int, alleles: int) -> None:
        at, before = self._alleles
        self._alleles = (pos, alleles + before if at == pos else alleles)
        if self._alleles[1] > ALLELES:
            facts: dict[str, str | int] = {"alleles": ALLELES, "position": pos}
            raise InputRejected("too_many_alleles", line=number, column=5, facts=facts)

    def _skip(self, reason: str, number: int, pos: int) -> None:
        self.tally.skipped[reason] += 1
        examples = self.tally.examples.setdefault(reason, [])
        if len(examples) < EXAMPLES:
            examples.append((number, self._name.decode(), pos))

    def _judge_build(self) -> None:
        """Too many wrong REF among the first records mean another genome, not a few bad calls."""
        wrong = self.tally.skipped["wrong_ref"]
        seen = self.tally.checked + wrong
        if self._decided or not wrong:
            return
        self._decided = seen >= SAMPLED
        if wrong > WRONG_SHARE * seen and (wrong > 1 or wrong == seen):
            facts: dict[str, str | int] = {"wrong": wrong, "checked": seen}
            raise InputRejected(
                "wrong_build", line=self.tally.examples["wrong_ref"][0][0], facts=facts
            )

    _decided = False


def _remember(seen: set[bytes], value: bytes) -> None:
    if len(seen) >= SEEN:
        seen.clear()
    seen.add(value)
