"""The shapes of a job's variants, as ``documents`` has them of all else."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from entrypoints.api.documents import Strict
from entrypoints.job_variants import LONGEST_PAGE, PAGE

Impact = Literal["HIGH", "MODERATE", "LOW", "MODIFIER"]


class VariantsQuery(Strict):
    gene: str = Field("", max_length=200, description="only this gene")
    consequence: str = Field(
        "", max_length=200, description="only this consequence, as the rows and facets have it"
    )
    impact: Impact | None = Field(None, description="only this impact")
    text: str = Field(
        "",
        max_length=200,
        description="only rows with this in protein change, gene or ID, or at this position",
    )
    cursor: str = Field("", max_length=500, description="`next` of the page before")
    limit: int = Field(PAGE, ge=1, le=LONGEST_PAGE, description="rows on one page")


class Variant(Strict):
    """One effect of one record; a record without any has one row."""

    record: int = Field(description="number of the record in the file, from 0")
    effect: int = Field(description="number of the effect of the record, from 0")
    chrom: str
    pos: int = Field(description="from 1")
    id: str | None
    ref: str | None = Field(description="one that is very long ends with `…`, as does `alt`")
    alt: str | None
    qual: float | None
    filter: str | None
    consequence: str | None
    impact: Impact | None
    gene: str | None
    transcript: str | None
    biotype: str | None
    strand: str | None
    aa: str | None = Field(description="the change of the protein, as `D614G`")
    dna: str | None = Field(description="the change on the genome, as `23403A>G`")


class Total(Strict):
    rows: int
    records: int = Field(description="distinct ones")


class FacetValue(Strict):
    value: str
    rows: int


class Facets(Strict):
    """The most frequent values under all of the filter but the facet's own field."""

    consequence: list[FacetValue]
    impact: list[FacetValue]
    gene: list[FacetValue]


class VariantsDocument(Strict):
    variants: list[Variant] = Field(description="in the order of the file")
    next: str | None = Field(description="cursor of the following page")
    total: Total = Field(description="what fits the filter, on all pages")
    facets: Facets
