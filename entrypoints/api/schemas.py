"""The JSON Schema (2020-12) of each event's `data`: where its `dataschema` points."""

from __future__ import annotations

from functools import cache
from typing import Any

from flask import Response, jsonify
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag
from pydantic import TypeAdapter

from domain.catalogue import CATALOGUE, SCHEMAS
from domain.errors import NotFound
from entrypoints.api.documents import ERRORS, Schemas
from entrypoints.api.parameters import SchemaPath

DIALECT = "https://json-schema.org/draft/2020-12/schema"

api = APIBlueprint(
    "api_schemas",
    __name__,
    url_prefix="/api/v1",
    abp_tags=[Tag(name="events")],
    abp_responses=ERRORS,
)


@api.get("/schemas", summary="Every event type and where its schema is", responses={200: Schemas})
def schemas() -> Response:
    return jsonify(schemas={name: f"{SCHEMAS}/{name}" for name in CATALOGUE})


@api.get(
    "/schemas/<event_type>",
    summary="The JSON Schema of an event's `data`; within a version it only grows",
    responses={200: {"description": "a schema", "content": {"application/schema+json": {}}}},
)
def schema(path: SchemaPath) -> Response:
    if path.event_type not in CATALOGUE:
        raise NotFound(
            f"There is no event type {path.event_type[:60]!r}; GET {SCHEMAS} lists them."
        )
    answer = jsonify(schema_of(path.event_type))
    answer.content_type = "application/schema+json"
    return answer


@cache
def schema_of(event_type: str) -> dict[str, Any]:
    """The schema, made from the shape that stands in the catalogue."""
    made = TypeAdapter(CATALOGUE[event_type].shape).json_schema()
    return {"$schema": DIALECT, "$id": f"{SCHEMAS}/{event_type}", **made, "title": event_type}
