"""One row of the table of variants as a person reads it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from domain.ports import VariantRow
from entrypoints.web.formats import NOTHING
from entrypoints.web.protein_words import CUT, change_in_words, short_change

ALLELE, ID = 12, 40  # characters that stand in the table
Details = list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Cell:
    """A text, cut where it is long; ``whole`` is what the table has, where that is more."""

    text: str
    whole: str | None = None


@dataclass(frozen=True, slots=True)
class ShownRow:
    """``again`` says that the row before is of the same record; ``details`` are name and value."""

    row: VariantRow
    again: bool
    id: Cell
    ref: Cell
    alt: Cell
    change: str
    words: str
    details: Details


def shown(rows: Iterable[VariantRow]) -> list[ShownRow]:
    """The rows of one page."""
    found: list[ShownRow] = []
    for row in rows:
        again = bool(found) and found[-1].row.vid == row.vid
        found.append(_shown(row, again))
    return found


def _shown(row: VariantRow, again: bool) -> ShownRow:
    aa = row.aa or ""
    return ShownRow(
        row=row,
        again=again,
        id=_cell(row.id, ID),
        ref=_cell(row.ref, ALLELE),
        alt=_cell(row.alt, ALLELE),
        change=short_change(aa),
        words=change_in_words(aa, row.consequence or ""),
        details=_details(row),
    )


def _cell(text: str | None, room: int) -> Cell:
    if not text:
        return Cell(NOTHING)
    return Cell(text) if len(text) <= room else Cell(text[: room - 2] + CUT, text)


def _details(row: VariantRow) -> Details:
    """What is known besides, in the order people ask; what is not known is left out."""
    strands = {"+": "forward", "-": "reverse"}
    quality = None if row.qual is None else f"{row.qual:g}"
    told = [
        ("Protein", row.aa if row.aa and short_change(row.aa) != row.aa else None),
        ("DNA change", row.dna),
        ("Transcript", row.transcript),
        ("Biotype", row.biotype and row.biotype.replace("_", " ")),
        ("Strand", strands.get(row.strand or "")),
        ("Quality", quality),
        ("Filter", row.filter),
    ]
    return [(name, value) for name, value in told if value]
