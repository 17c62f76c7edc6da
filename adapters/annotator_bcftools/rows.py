"""Rows for the table: what a record says, with its effects, short enough to page through."""

from __future__ import annotations

import re
from collections.abc import Iterable

TAB = b"\t"
LONG = 2000  # bytes of BCSQ from which its proteins are worth cutting
PROTEIN = 40  # letters of a protein change that are kept; the VCF has them all
EFFECTS = 2000  # of one record
_LONG_PROTEIN = re.compile(rb"([^|,]{%d})[^|,]+" % PROTEIN)


def collapsed(bcsq: bytes) -> bytes:
    """The effects that differ in consequence, gene or protein change, each by its first transcript.

    At twelve transcripts a gene the table would be twelve times as long and say nothing more.
    """
    if len(bcsq) > LONG:
        bcsq = _LONG_PROTEIN.sub("\\1…".encode(), bcsq)
    if b"," not in bcsq:
        return bcsq
    kept: dict[tuple[bytes, ...], bytes] = {}
    for effect in bcsq.split(b",")[:EFFECTS]:
        parts = effect.split(b"|")
        kept.setdefault((parts[0], parts[1], *parts[5:6]), effect)
    return b",".join(kept.values())


def rows(first: int, heads: Iterable[bytes], effects: Iterable[bytes]) -> bytes:
    """Tab-separated lines: number of the record from 0, CHROM to FILTER, collapsed BCSQ."""
    numbered = enumerate(zip(heads, effects, strict=True), first)
    return b"".join(b"%d\t%b\t%b\n" % (number, head, bcsq) for number, (head, bcsq) in numbered)
