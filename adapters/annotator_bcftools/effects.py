"""What csq said about a record, read once: for counting, and short for the table."""

from __future__ import annotations

import re
from typing import NamedTuple

LONG = 2000  # bytes of BCSQ from which its proteins are worth cutting
PROTEIN = 40  # letters of a protein change that are kept; the VCF has them all
EFFECTS = 2000  # of one record
_LONG_PROTEIN = re.compile(rb"([^|,]{%d})[^|,]+" % PROTEIN)
Pairs = tuple[tuple[bytes, bytes], ...]  # distinct (consequence, gene), sorted


class Effects(NamedTuple):
    """``short``: the effects that differ in consequence, gene or protein change.

    Each stands there with its first transcript. At twelve transcripts a gene the table would be
    twelve times as long and say nothing more.
    """

    pairs: Pairs
    short: bytes


def effects_of(bcsq: bytes) -> Effects:
    """One BCSQ value read."""
    short = bcsq if len(bcsq) <= LONG else _LONG_PROTEIN.sub("\\1…".encode(), bcsq)
    if b"," not in short:
        consequence, gene, _ = short.split(b"|", 2)
        return Effects(((consequence, gene),), short)
    kept: dict[tuple[bytes, ...], bytes] = {}
    for effect in short.split(b",")[:EFFECTS]:
        parts = effect.split(b"|", 6)
        kept.setdefault((parts[0], parts[1], *parts[5:6]), effect)
    pairs = {(key[0], key[1]) for key in kept}
    return Effects(tuple(sorted(pairs)), b",".join(kept.values()))
