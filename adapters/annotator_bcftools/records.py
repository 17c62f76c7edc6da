"""Checks every record once, in order, and says what the engine shall see of it.

The engine gets a line of our own making: the reference's contig name, POS, REF and ALT, and in the
first and last line of a batch a running number as ID. So nothing else of a person's file can harm
it, and nothing of theirs is rewritten.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from adapters.annotator_bcftools.alleles import NotAnAllele, judged, ref_kind
from adapters.annotator_bcftools.columns import (
    AlleleCap,
    check_contig_name,
    check_qual_and_filter,
    remember,
)
from adapters.annotator_bcftools.genotypes import phased
from adapters.annotator_bcftools.info_column import InfoColumn
from adapters.annotator_bcftools.lines import refuse_line
from adapters.annotator_bcftools.references import Contig
from adapters.annotator_bcftools.sequence import WINDOW, Genome, agrees
from adapters.annotator_bcftools.tally import Batch, NotSorted, Tally, engine_lines
from domain.errors import InputRejected
from domain.ports import Limits

TAB = b"\t"
REST = b".\t.\t."  # QUAL, FILTER, INFO
SAMPLED = 10_000  # records after which the share of wrong REF decides
WRONG_SHARE = 0.05
LARGEST = 2**31 - 1  # position htslib reads (VCF 4.3, section 1.6.1: 32-bit integers)
MANY = 10
EMPTY = 100_000  # empty lines passed over before something must be wrong


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
        haplotypes: bool = False,
        emit: Callable[[Batch], None],
        switch: Callable[[Contig | None], None],
    ) -> None:
        self._contigs, self._unusable = contigs, unusable
        self._genome, self._limits, self._tabs = genome, limits, width - 1
        self._emit, self._switch = emit, switch
        self._haplotypes = haplotypes
        self.tally = Tally()
        self.info = InfoColumn(meta)
        self._sent = 0
        self._name = b""
        self._contig: Contig | None = None
        self._last, self._same = 0, 0
        self._window, self._low = b"", 1
        self._alts: set[bytes] = set()
        self._quals: set[bytes] = {b"."}
        self._filters: set[bytes] = set()
        self._done: set[bytes] = set()
        self._cap = AlleleCap()
        self._empty, self._decided = 0, False

    def take(self, numbers: Sequence[int], lines: list[bytes]) -> None:
        """Check lines (``numbers``: theirs in the file). Raises InputRejected or NotSorted."""
        if b"" in lines:
            self._count_empty(lines.count(b""))
            numbers = [number for number, line in zip(numbers, lines, strict=True) if line]
            lines = [line for line in lines if line]
        start = 0
        while start < len(lines):
            start = self._take_contig(numbers, lines, start)
        self.info.look(numbers, lines)
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
        current, tabs, alts = self._name, self._tabs, self._alts
        quals, passed = self._quals, self._filters
        target = b"" if self._contig is None else self._contig.name.encode()
        last, window, low = self._last, self._window, self._low
        out: list[bytes] = []
        changes: list[tuple[bytes, bytes]] = []
        unsent: list[int] = []
        # The split sees to seven tabs at least: where seven is the average, every line has seven.
        counted = tabs != 7 or b"".join(lines).count(TAB) != 7 * len(lines)
        rest = REST
        for at in range(start, len(lines)):
            line = lines[at]
            try:
                chrom, place, _, ref, alt, qual, filters, _ = line.split(TAB, 7)
                pos = int(place)
            except ValueError:
                refuse_line(numbers[at], line, tabs=tabs)
                raise
            if chrom != current:
                break
            if pos <= last or not place.isdigit():
                self._order(numbers[at], place, pos, last)
            else:
                self._same = 0
            last = pos
            if counted and line.count(TAB) != tabs:
                refuse_line(numbers[at], line, tabs=tabs)
            if qual not in quals or filters not in passed:
                check_qual_and_filter(numbers[at], qual, filters, quals=quals, passed=passed)
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
            if self._haplotypes:
                rest = b"%b\t%b" % (REST, phased(line, numbers[at], alt.count(b",") + 1))
            out.append(TAB.join((place, b".", ref_sent, alt_sent, rest)))
        else:
            at += 1
        self._last = last
        self.tally.count(current.decode(), changes, len(out))
        self._emit(Batch(engine_lines(target, out, self._sent), lines[start:at], unsent))
        self._sent += len(out)
        return at

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
            refuse_line(number, line, tabs=self._tabs)
        check_contig_name(number, name)
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
            self.tally.skip(reason, number, self._name.decode(), pos)
            return None
        if (alleles := sent.count(b",") + 1) > MANY:
            self._cap.count(number, pos, alleles)
        elif sent == alt:
            remember(self._alts, alt)
        return ref.upper(), sent

    def _place_reason(self, number: int, pos: int, ref: bytes) -> str:
        """Why REF at this place cannot be judged, or nothing."""
        self.tally.sampled(self._name.decode(), pos, ref)
        if self._contig is None:
            if pos > LARGEST:
                told: dict[str, str | int] = {"largest": LARGEST}
                raise InputRejected("position_too_large", line=number, column=2, facts=told)
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
