"""REF and ALT as VCF 4.x allows them, and which alleles csq can judge."""

from __future__ import annotations

import re

_BASES = re.compile(rb"[ACGTN]+\Z", re.IGNORECASE)
_AMBIGUOUS = re.compile(rb"[ACGTUNRYSWKMBDHV]+\Z", re.IGNORECASE)
_SYMBOLIC = re.compile(rb"<[^<>\s,]+>\Z")
_BREAKEND = re.compile(
    rb"(?:\.?[ACGTN]*[\[\]][^\[\]]+[\[\]][ACGTN]*\.?|\.[ACGTN]+|[ACGTN]+\.)\Z", re.IGNORECASE
)


class NotAnAllele(ValueError):
    """Neither bases nor anything else VCF allows in this column."""


def ref_kind(ref: bytes) -> str:
    """``bases`` or ``ambiguous_base``; ``NotAnAllele`` for anything else."""
    if _BASES.match(ref):
        return "bases"
    if _AMBIGUOUS.match(ref):
        return "ambiguous_base"
    raise NotAnAllele


def alt_kind(alt: bytes) -> str:
    """What one ALT allele is: ``bases``, ``star``, ``symbolic``, ``breakend``, ``none`` …"""
    if _BASES.match(alt):
        return "bases"
    if alt == b"*":
        return "star"
    if alt == b".":
        return "no_alternate"
    if _SYMBOLIC.match(alt):
        return "symbolic"
    if _BREAKEND.match(alt):
        return "breakend"
    if _AMBIGUOUS.match(alt):
        return "ambiguous_base"
    raise NotAnAllele


def judged(alt: bytes) -> tuple[bytes, str]:
    """The ALT column as csq shall see it, and why it is empty if it is.

    csq calls every breakend a frameshift, so it never sees one but a ``*`` in its place: the other
    alleles of such a record are judged and keep their numbers. Bases are sent in capitals, as csq
    compares them with the genome.
    """
    kinds = [(each, alt_kind(each)) for each in alt.split(b",")]
    if any(kind in ("bases", "symbolic") for _, kind in kinds):
        return b",".join(_sent(each, kind) for each, kind in kinds), ""
    reasons = [kind for _, kind in kinds if kind != "star"]
    return b"", reasons[0] if reasons else "no_alternate"


def _sent(allele: bytes, kind: str) -> bytes:
    if kind == "bases":
        return allele.upper()
    return allele if kind == "symbolic" else b"*"


def change_type(ref: bytes, alt: bytes) -> str:
    """``snv``, ``mnv``, ``insertion``, ``deletion`` or ``other`` for one allele."""
    if not (_BASES.match(ref) and _BASES.match(alt)):
        return "other"
    if len(ref) == len(alt):
        return "snv" if len(ref) == 1 else "mnv"
    return "insertion" if len(alt) > len(ref) else "deletion"
