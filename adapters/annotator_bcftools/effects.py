"""What csq said about a record, read once: for counting, and as the rows of the table."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from adapters.annotator_bcftools.consequences import impact

TAB = b"\t"
LONG = 2000  # bytes of BCSQ from which its proteins are worth cutting
PROTEIN = 40  # letters of a protein change that are kept; the VCF has them all
EFFECTS = 2000  # of one record
FIELDS = 7  # consequence, gene, transcript, biotype, strand, protein, dna
NO_CELLS = [b""] * FIELDS
_LONG_PROTEIN = re.compile(rb"([^|,]{%d})[^|,]+" % PROTEIN)
DIGITS = b"0123456789"
Pairs = tuple[tuple[bytes, bytes], ...]  # distinct (consequence, gene), sorted
NOTHING = (TAB.join((b"0", *[b""] * (FIELDS + 1))),)  # the rows of a record without effect


class Effects(NamedTuple):
    """``rows``: the table's cells for the effects that differ in consequence, gene or protein.

    From ``k`` on, tab-separated; each effect with its first transcript. At twelve transcripts a
    gene the table would be twelve times as long and say nothing more.
    """

    pairs: Pairs
    rows: tuple[bytes, ...]


def _told_here(bcsq: bytes) -> bytes:
    """Without the references to another record (``@123``) of haplotype mode."""
    return b",".join(each for each in bcsq.split(b",") if not each.startswith(b"@"))


def effects_of(bcsq: bytes) -> Effects:
    """One BCSQ value read."""
    short = bcsq if len(bcsq) <= LONG else _LONG_PROTEIN.sub("\\1…".encode(), bcsq)
    if b"@" in short:
        short = _told_here(short)
        if not short:
            return Effects((), NOTHING)
    if b"," not in short:
        parts = short.split(b"|")
        return Effects(((parts[0], parts[1]),), (_row(0, parts),))
    kept: dict[tuple[bytes, ...], list[bytes]] = {}
    for effect in short.split(b",")[:EFFECTS]:
        parts = effect.split(b"|")
        kept.setdefault((parts[0], parts[1], *parts[5:6]), parts)
    pairs = {(key[0], key[1]) for key in kept}
    rows = tuple(_row(k, parts) for k, parts in enumerate(kept.values()))
    return Effects(tuple(sorted(pairs)), rows)


def _row(k: int, parts: list[bytes]) -> bytes:
    consequence, gene, transcript, biotype, strand, protein, dna = (parts + NO_CELLS)[:FIELDS]
    change = protein_change(protein)
    return b"%d\t%b\t%b\t%b\t%b\t%b\t%b\t%b\t%b" % (
        k, consequence, _impact(consequence), gene, transcript, biotype, strand, change, dna
    )  # fmt: skip


@lru_cache(maxsize=4096)
def _impact(consequence: bytes) -> bytes:
    return impact(consequence.decode()).encode()


def protein_change(told: bytes) -> bytes:
    """csq's ``614D>614G`` as D614G and ``924F`` as F924: letters before, number, letters after."""
    before, _, after = told.partition(b">")
    letters = before.lstrip(DIGITS)
    number = before[: len(before) - len(letters)]
    if not number or b">" in after:
        return told
    return letters + number + after.lstrip(DIGITS)
