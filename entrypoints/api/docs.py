"""The API's own documents: OpenAPI 3.1, and a page that reads it without anybody else's assets."""

from __future__ import annotations

from base64 import b64encode
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any, cast

from flask import Response, current_app, jsonify, render_template_string
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag
from flask_openapi3.openapi import OpenAPI
from markupsafe import Markup

from entrypoints.api.codes import CODES
from entrypoints.api.documents import ERRORS

PAGE, STYLE = "docs.html", "docs.css"
POLICY = (
    "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none';"
    " style-src 'sha256-{digest}'"
)

api = APIBlueprint(
    "api_docs",
    __name__,
    url_prefix="/api/v1",
    abp_tags=[Tag(name="documents")],
    abp_responses=ERRORS,
)


@api.get(
    "/openapi.json",
    summary="This API as an OpenAPI 3.1 document",
    responses={200: {"description": "the document", "content": {"application/json": {}}}},
)
def openapi() -> Response:
    return jsonify(_spec())


@api.get(
    "/docs",
    summary="This API as a page to read",
    responses={200: {"description": "the page", "content": {"text/html": {}}}},
)
def docs() -> Response:
    style = _text(STYLE)
    page = render_template_string(
        _text(PAGE), spec=_spec(), codes=sorted(CODES.items()), style=style
    )
    response = Response(page, content_type="text/html; charset=utf-8")
    digest = b64encode(sha256(style.encode()).digest()).decode()
    response.headers["Content-Security-Policy"] = POLICY.format(digest=digest)
    return response


@api.app_template_filter("as_prose")
def prose(sentence: str) -> Markup:
    """A description with its `code` set as such; our own text, of which nothing is marked up."""
    parts = sentence.replace("``", "`").split("`")
    return Markup("").join(
        Markup("<code>{}</code>").format(part) if i % 2 else part for i, part in enumerate(parts)
    )


@cache
def _text(name: str) -> str:
    return Path(__file__).with_name(name).read_text()


def _spec() -> dict[str, Any]:
    return cast(OpenAPI, current_app).api_doc
