"""The references that jobs may name; open to everybody."""

from __future__ import annotations

from typing import Any

from flask import Response, jsonify
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag

from domain.ports import ReferenceInfo
from entrypoints.api.documents import ERRORS, References
from entrypoints.api.parameters import ReferencePath
from entrypoints.api.requests import gas

api = APIBlueprint(
    "api_references",
    __name__,
    url_prefix="/api/v1",
    abp_tags=[Tag(name="references")],
    abp_responses=ERRORS,
)


@api.get("/references", summary="The installed references", responses={200: References})
def references() -> Response:
    return jsonify(references=[_document(info) for info in gas().annotator.references()])


@api.get(
    "/references/<name>/example",
    summary="A small VCF for trying a reference",
    responses={200: {"description": "a VCF", "content": {"text/plain": {"schema": {}}}}},
)
def example(path: ReferencePath) -> Response:
    data = gas().annotator.example(path.name)
    return Response(data, content_type="text/plain; charset=utf-8")


def _document(info: ReferenceInfo) -> dict[str, Any]:
    return {
        "name": info.name,
        "title": info.title,
        "organism": info.organism,
        "assembly": info.assembly,
        "contigs": [{"name": name, "length": length} for name, length in info.contigs],
        "sha256": info.sha256,
    }
