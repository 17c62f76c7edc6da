"""Browsing the table that an annotation made of its variants."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from domain.errors import DomainError


class TableDamaged(DomainError):
    """The stored table is not the one that was made, or cannot be read."""

    code = "table_damaged"


@dataclass(frozen=True, slots=True)
class VariantFilter:
    """Which rows are wanted; an empty field wants any, and a row must fit every field given.

    ``gene``, ``consequence`` (csq's term) and ``impact`` are whole values. ``text`` is found, in
    whatever case, anywhere in the protein change, the gene or the ID, or is the position itself.
    """

    gene: str = ""
    consequence: str = ""
    impact: str = ""
    text: str = ""


@dataclass(frozen=True, order=True, slots=True)
class Place:
    """Where a row stands: number of its record and number of the effect, both from 0."""

    vid: int
    k: int


@dataclass(frozen=True, slots=True)
class VariantRow:
    """One effect of one record; a record without any has one row with None from ``consequence`` on.

    ``pos`` in bases from 1; long alleles and IDs end with ``…``; ``aa`` as ``D614G``, ``dna`` as
    ``23403A>G`` in the genome's positions.
    """

    vid: int
    k: int
    chrom: str
    pos: int
    id: str | None
    ref: str | None
    alt: str | None
    qual: float | None
    filter: str | None
    consequence: str | None
    impact: str | None
    gene: str | None
    transcript: str | None
    biotype: str | None
    strand: str | None
    aa: str | None
    dna: str | None

    @property
    def place(self) -> Place:
        return Place(self.vid, self.k)


@dataclass(frozen=True, slots=True)
class VariantPage:
    """Rows in the table's order; ``next`` is the place to go on after, None at the end."""

    rows: tuple[VariantRow, ...]
    next: Place | None


Facet = tuple[tuple[str, int], ...]  # (value, rows that have it), the most frequent first


@dataclass(frozen=True, slots=True)
class VariantCounts:
    """How many rows and how many distinct records fit a filter, and what else could be asked for.

    Each facet counts the rows that fit all of the filter but its own field, so that it shows what
    another choice there would give. It holds the most frequent values only (``FACET_VALUES``).
    """

    rows: int
    records: int
    consequences: Facet
    impacts: Facet
    genes: Facet


FACET_VALUES = 50


class VariantTable(Protocol):
    """One table; any number of threads may ask. Raises ``TableDamaged``."""

    def page(
        self, wanted: VariantFilter, *, after: Place | None = None, limit: int
    ) -> VariantPage: ...
    def counts(self, wanted: VariantFilter) -> VariantCounts: ...


class VariantTables(Protocol):
    """Every job's table, as far as its file is in the store."""

    def open(self, key: str, sha256: str) -> VariantTable:
        """The table whose file has this key and digest (hex).

        ``NotFound`` when the store has no such file, ``TableDamaged`` when it has other bytes.
        """

    def forget(self, sha256: str) -> None:
        """Remove this machine's copy of a table that nobody shall read any more."""

    def forget_unused(self) -> int:
        """Remove local copies that nobody has looked at for a while; how many."""
