"""The API's own documents: OpenAPI 3.1, and a page that reads it without anybody else's assets."""

from __future__ import annotations

from typing import Any, cast

from flask import Response, current_app, jsonify, render_template_string
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag
from flask_openapi3.openapi import OpenAPI

from entrypoints.api.codes import CODES
from entrypoints.api.documents import ERRORS

POLICY = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{{ spec.info.title }}</title>
<h1>{{ spec.info.title }}</h1>
<p>{{ spec.info.description }}</p>
<p>For programs: <a href="/api/v1/openapi.json">openapi.json</a> (OpenAPI 3.1).</p>
<h2>Operations</h2>
{% for path, item in spec.paths.items() %}{% for method, operation in item.items() %}
<section>
<h3 id="{{ operation.operationId }}"><code>{{ method | upper }} {{ path }}</code></h3>
<p>{{ operation.summary }}.{% if operation.description %} {{ operation.description }}{% endif %}</p>
<p>{% if operation.security %}Needs a token{% for need in operation.security %}
{%- for scope in need.bearer %} with <code>{{ scope }}</code>{% endfor %}{% endfor %}.
{%- else %}Open to everybody.{% endif %}</p>
{% if operation.parameters %}<ul>
{% for p in operation.parameters %}<li><code>{{ p.name }}</code> ({{ p.in }}
{%- if p.required %}, required{% endif %}): {{ p.description }}</li>
{% endfor %}</ul>{% endif %}
{% if operation.requestBody %}<p>Body: {% for media in operation.requestBody.content -%}
<code>{{ media }}</code>{{ " or " if not loop.last }}{% endfor %}.</p>{% endif %}
<p>Answers: {% for status, answer in operation.responses.items() -%}
{{ status }} {{ answer.description }}{{ "; " if not loop.last }}{% endfor %}.</p>
</section>
{% endfor %}{% endfor %}
<h2>Shapes</h2>
{% for name, schema in spec.components.schemas.items() %}
<section>
<h3 id="schema-{{ name }}">{{ name }}</h3>
{% if schema.description %}<p>{{ schema.description }}</p>{% endif %}
<ul>{% for field, about in (schema.properties or {}).items() %}
<li><code>{{ field }}</code>{% if about.type %}: {{ about.type }}{% endif %}
{%- if about.description %} — {{ about.description }}{% endif %}</li>{% endfor %}</ul>
</section>
{% endfor %}
<h2>Errors</h2>
<p>Every error is an <code>application/problem+json</code> document with a stable
<code>code</code>, one sentence in <code>detail</code> and a <code>correlation_id</code>.</p>
<ul>{% for code, (status, meaning) in codes -%}
<li id="{{ code }}"><code>{{ code }}</code> {{ status }}: {{ meaning }}</li>
{% endfor %}</ul>
</html>
"""

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
    page = render_template_string(PAGE, spec=_spec(), codes=sorted(CODES.items()))
    response = Response(page, content_type="text/html; charset=utf-8")
    response.headers["Content-Security-Policy"] = POLICY
    return response


def _spec() -> dict[str, Any]:
    return cast(OpenAPI, current_app).api_doc
