"""Counts kinds of change by REF and ALT, in bounded memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from adapters.annotator_bcftools.alleles import change_type

_TRANSITIONS = frozenset({(b"A", b"G"), (b"G", b"A"), (b"C", b"T"), (b"T", b"C")})
_PENDING = 20_000


class Changes:
    """Each ALT allele counts once. Lengths in bases, positive for inserted ones."""

    def __init__(self) -> None:
        self._pending: Counter[tuple[bytes, bytes]] = Counter()
        self._types: Counter[str] = Counter()
        self._lengths: Counter[int] = Counter()
        self._transitions = 0

    def add(self, pairs: Iterable[tuple[bytes, bytes]]) -> None:
        """Count (REF, ALT column) pairs."""
        self._pending.update(pairs)
        if len(self._pending) > _PENDING:
            self._fold()

    def _fold(self) -> None:
        for (ref, alts), count in self._pending.items():
            for alt in alts.split(b","):
                self._count(ref, alt, count)
        self._pending.clear()

    def _count(self, ref: bytes, alt: bytes, count: int) -> None:
        kind = change_type(ref, alt)
        self._types[kind] += count
        if kind == "snv" and (ref.upper(), alt.upper()) in _TRANSITIONS:
            self._transitions += count
        if kind in ("insertion", "deletion"):
            self._lengths[len(alt) - len(ref)] += count

    def counted(self) -> dict[str, Any]:
        """``by_type``, ``ti_tv`` (transitions are A<->G and C<->T) and ``indel_lengths``."""
        self._fold()
        transversions = self._types["snv"] - self._transitions
        ratio = round(self._transitions / transversions, 3) if transversions else None
        return {
            "by_type": dict(sorted(self._types.items())),
            "ti_tv": {
                "transitions": self._transitions,
                "transversions": transversions,
                "ratio": ratio,
            },
            "indel_lengths": {str(length): n for length, n in sorted(self._lengths.items())},
        }
