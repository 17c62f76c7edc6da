"""From a packed file to checked records: header rules, contig names, and the early look."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from adapters.annotator_bcftools.builds import builds_with, looks_like
from adapters.annotator_bcftools.decompress import GZIP, refuse_other_kinds, unpacked
from adapters.annotator_bcftools.header import Header, header_of
from adapters.annotator_bcftools.lines import Lines
from adapters.annotator_bcftools.records import RecordCheck
from adapters.annotator_bcftools.references import (
    Contig,
    Library,
    Reference,
    contigs_by_name,
    names_of,
)
from adapters.annotator_bcftools.sequence import Genome, agrees
from adapters.annotator_bcftools.tally import Batch, NotSorted, Tally
from domain.errors import InputRejected
from domain.ports import Limits

BCF = b"BCF\x02"
ABOUT_GENOME = ("wrong_build", "unknown_contigs", "wrong_lengths")


@dataclass(slots=True)
class Opened:
    """A file whose header was read: what follows it in the same block, and the rest."""

    header: Header
    number: int
    first: list[bytes]
    rest: Iterator[tuple[int, list[bytes]]]
    lines: Lines

    def blocks(self) -> Iterator[tuple[range, list[bytes]]]:
        """All record lines with their numbers in the file."""
        if self.first:
            yield range(self.number, self.number + len(self.first)), self.first
        for first, lines in self.rest:
            yield range(first, first + len(lines)), lines


def opened(chunks: Iterable[bytes], limits: Limits, *, complete: bool = True) -> Opened:
    """Unpack and read the header. Raises InputRejected."""
    blocks = _watched(unpacked(chunks, ratio=limits.compression_ratio))
    lines = Lines(
        blocks,
        line_bytes=limits.line_bytes,
        total_bytes=limits.decompressed_bytes,
        complete=complete,
    )
    rest = iter(lines)
    header, number, first = header_of(rest, limits)
    return Opened(header, number, first, rest, lines)


def _watched(blocks: Iterator[bytes]) -> Iterator[bytes]:
    first = next(blocks, b"")
    if not first:
        raise InputRejected("empty_file")
    refuse_other_kinds(first)
    yield first
    yield from blocks


def is_bcf(head: bytes) -> bool:
    """Whether the unpacked first bytes are BCF2."""
    if head.startswith(GZIP):
        try:
            head = next(unpacked([head], ratio=1 << 30), b"")
        except InputRejected:
            return False
    return head.startswith(BCF)


def usable_contigs(
    header: Header, reference: Reference
) -> tuple[dict[str, Contig], frozenset[str]]:
    """Names to contigs, and the names whose declared length contradicts the reference.

    Raises ``wrong_lengths`` when half or more of the declared lengths do, ``unknown_contigs`` when
    contigs are declared and the reference has none of them.
    """
    names = contigs_by_name(reference)
    known = {name: length for name, length in header.contigs.items() if name in names}
    if header.contigs and not known:
        raise InputRejected("unknown_contigs", facts=_told(reference, header.contigs))
    different = {n for n, length in known.items() if length and length != names[n].length}
    if different and 2 * len(different) >= len(known):
        name = min(different, key=list(known).index)
        facts = _told(reference, header.contigs)
        facts |= {"contig": name[:40], "declared": known[name], "length": names[name].length}
        raise InputRejected("wrong_lengths", facts=facts)
    return names, frozenset(different)


def _told(reference: Reference, declared: dict[str, int]) -> dict[str, str | int]:
    build = looks_like(declared, names=declared, but=_builds_of(reference))
    return {"reference": reference.title, "hint": f" It looks like {build}." if build else ""}


def _builds_of(reference: Reference) -> frozenset[str]:
    """What the chosen reference is called: to say that the file looks like it helps nobody."""
    return builds_with({name: each.length for each in reference.contigs for name in names_of(each)})


def recognised(
    error: InputRejected, tally: Tally, reference: Reference, library: Library
) -> InputRejected:
    """The same rejection, saying which genome the file looks like where that can be told."""
    if error.code not in ABOUT_GENOME:
        return error
    error.facts.setdefault("reference", reference.title)
    error.facts["reference"] = error.facts["reference"] or reference.title
    found = next(
        (r.title for r in library.installed() if r.name != reference.name and _fits(r, tally)), None
    )
    names = [name for name, _, _ in tally.sample]
    found = found or looks_like({}, names=names, but=_builds_of(reference))
    hint = f" It looks like {found}." if found else ""
    error.facts["hint"] = error.facts.get("hint") or hint
    return error


def _fits(reference: Reference, tally: Tally) -> bool:
    """Whether the sampled REF bases are this reference's."""
    names = contigs_by_name(reference)
    sample = [(names[n], pos, ref) for n, pos, ref in tally.sample if n in names]
    if 2 * len(sample) < len(tally.sample) or not sample:
        return False
    with Genome(reference.genome) as genome:
        right = sum(agrees(ref, genome.bases(c.name, pos, len(ref))) for c, pos, ref in sample)
    return right >= 0.9 * len(sample)


def look(
    head: bytes, *, complete: bool, reference: Reference, library: Library, limits: Limits
) -> None:
    """Check the first bytes of a file as far as they go. Raises InputRejected.

    What only the cut makes wrong (a last member or line without its end, a header that goes on) is
    not held against an incomplete head.
    """
    if not head:
        raise InputRejected("empty_file")
    if is_bcf(head):
        return
    check: RecordCheck | None = None
    try:
        file = opened([head], limits, complete=complete)
        contigs, unusable = usable_contigs(file.header, reference)
        with Genome(reference.genome) as genome:
            check = RecordCheck(
                contigs=contigs, unusable=unusable, genome=genome, limits=limits,
                width=file.header.width, emit=_nothing, switch=_nothing,
            )  # fmt: skip
            for numbers, lines in file.blocks():
                check.take(numbers, lines)
            if complete:
                check.finish()
    except NotSorted:
        return
    except InputRejected as error:
        if not complete and error.code in ("no_column_line", "truncated", "empty_file"):
            return
        tally = Tally() if check is None else check.tally
        raise recognised(error, tally, reference, library) from None


def _nothing(_: Batch | Contig | None) -> None:
    """Checking only: nobody wants the records."""
