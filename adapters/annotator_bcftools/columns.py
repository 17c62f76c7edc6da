"""Rules for single columns, with what was seen before remembered: most values come again."""

from __future__ import annotations

import re

from domain.errors import InputRejected

SEEN = 50_000  # values remembered of one column before starting over
ALLELES = 5_000  # of one position, counting records with many of them: each may cost csq 14 kB
# Contig names as VCF 4.3 has them (section 1.4.7): with others no header line can be written.
_CONTIG = re.compile(rb"[0-9A-Za-z!#$%&+./:;?@^_|~-][0-9A-Za-z!#$%&*+./:;=?@^_|~-]*\Z")
_NO_FILTER = re.compile(rb'[,<>["]|\A \Z')


def check_contig_name(number: int, name: bytes) -> None:
    """Raise ``contig_name`` for one that no header line can name."""
    if not _CONTIG.match(name):
        raise InputRejected("contig_name", line=number, column=1)


def remember(seen: set[bytes], value: bytes) -> None:
    """Add a value, starting over when too many are held."""
    if len(seen) >= SEEN:
        seen.clear()
    seen.add(value)


def check_qual_and_filter(
    number: int, qual: bytes, filters: bytes, *, quals: set[bytes], passed: set[bytes]
) -> None:
    """QUAL must be a number, FILTER without what keeps htslib from reading the record."""
    if qual not in quals:
        try:
            float(qual)
        except ValueError:
            if qual != b".":
                raise InputRejected("quality", line=number, column=6) from None
        remember(quals, qual)
    if _NO_FILTER.search(filters):
        raise InputRejected("filter_column", line=number, column=7)
    remember(passed, filters)


class AlleleCap:
    """Counts alternate alleles of records that have many, per position."""

    def __init__(self) -> None:
        self._position, self._alleles = 0, 0

    def count(self, number: int, position: int, alleles: int) -> None:
        """Raise ``too_many_alleles`` past the cap."""
        before = self._alleles if position == self._position else 0
        self._position, self._alleles = position, before + alleles
        if self._alleles > ALLELES:
            facts: dict[str, str | int] = {"alleles": ALLELES, "position": position}
            raise InputRejected("too_many_alleles", line=number, column=5, facts=facts)
