"""The variants of a job."""

from __future__ import annotations

import math
from typing import Any

from flask import Response, jsonify
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag

from domain.ports import VariantCounts, VariantFilter, VariantRow
from domain.ports.variants import Facet
from entrypoints.api.documents import ERRORS
from entrypoints.api.guard import needs
from entrypoints.api.parameters import JobPath
from entrypoints.api.requests import gas, job_id_of, person
from entrypoints.api.variant_documents import VariantsDocument, VariantsQuery

COLUMNS = (
    "chrom", "pos", "id", "ref", "alt", "filter", "consequence", "impact", "gene",
    "transcript", "biotype", "strand", "aa", "dna",
)  # fmt: skip

api = APIBlueprint(
    "api_variants",
    __name__,
    url_prefix="/api/v1",
    abp_tags=[Tag(name="jobs")],
    abp_responses=ERRORS,
)


@api.get(
    "/jobs/<job_id>/variants",
    summary="The variants of a completed job, page by page, with what they do",
    description="A row is one effect of one record. Filters are joined by *and*. It works while"
    " the result is archived. Until the job is completed the answer is 409 `no_variants_yet`; a"
    " job that failed or was cancelled, or is from before there were tables, is 404 `no_variants`.",
    security=needs("jobs:read"),
    responses={200: VariantsDocument},
)
def list_variants(path: JobPath, query: VariantsQuery) -> Response:
    wanted = VariantFilter(query.gene, query.consequence, query.impact or "", query.text.strip())
    found = gas().variants.page(
        job_id_of(path.job_id),
        wanted,
        owner=person().user,
        cursor=query.cursor,
        limit=query.limit,
    )
    return jsonify(
        variants=[_document(row) for row in found.rows],
        next=found.next,
        total={"rows": found.counts.rows, "records": found.counts.records},
        facets=_facets(found.counts),
    )


def _document(row: VariantRow) -> dict[str, Any]:
    """A row; a quality that is no number has no place in JSON."""
    quality = row.qual if row.qual is not None and math.isfinite(row.qual) else None
    columns = {name: getattr(row, name) for name in COLUMNS}
    return {"record": row.vid, "effect": row.k, **columns, "qual": quality}


def _facets(counts: VariantCounts) -> dict[str, Any]:
    return {
        "consequence": _values(counts.consequences),
        "impact": _values(counts.impacts),
        "gene": _values(counts.genes),
    }


def _values(facet: Facet) -> list[dict[str, Any]]:
    return [{"value": value, "rows": rows} for value, rows in facet]
