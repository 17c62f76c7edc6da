"""Whatever is sent, the API answers with what it documents, and never with a fault of ours."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from entrypoints.app import create_app
from tests.conftest import SOAK
from tests.entrypoints.api.conftest import Api
from tests.entrypoints.running import a_gas, kept_views, somebody

PATHS = (
    "/jobs", "/uploads", "/events", "/me", "/usage", "/references", "/references/{x}/example",
    "/jobs/{x}", "/jobs/{x}/cancel", "/jobs/{x}/history", "/jobs/{x}/result",
    "/jobs/{x}/variants", "/jobs/{x}/{x}", "/{x}", "/openapi.json",
)  # fmt: skip
METHODS = ("get", "post", "delete", "put", "patch", "head", "options")
QUERIES = (
    "status",
    "reference",
    "label",
    "cursor",
    "limit",
    "after",
    "types",
    "gene",
    "impact",
    "text",
    "colour",
)
TYPES = ("application/json", "multipart/form-data; boundary=b", "text/plain", "", "*", "a/b; c")
word = st.text(max_size=20)
segment = st.one_of(
    st.uuids().map(str),
    st.text(st.characters(codec="utf-8", exclude_characters="/?#\\"), min_size=1, max_size=20),
)
json_like = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | word | st.just("\ud800\x00"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(word, inner, max_size=3),
    max_leaves=6,
)
fields = st.dictionaries(
    st.sampled_from(["upload_id", "reference", "label", "filename", "bytes", "x"]), json_like
)
headers = st.dictionaries(
    st.sampled_from(["Idempotency-Key", "If-Match", "If-None-Match", "Range", "Accept"]),
    st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=30),
)


@pytest.fixture(scope="module")
def anybody(tmp_path_factory: pytest.TempPathFactory) -> Any:
    gas = a_gas(Path(tmp_path_factory.mktemp("anything")))
    with kept_views(gas):
        yield Api(create_app(gas).test_client(), somebody(gas, "anybody"))


@settings(max_examples=2000 if SOAK else 150)
@given(
    method=st.sampled_from(METHODS),
    path=st.sampled_from(PATHS),
    part=segment,
    query=st.dictionaries(st.sampled_from(QUERIES), word, max_size=3),
    body=fields | json_like | st.binary(max_size=50),
    content_type=st.sampled_from(TYPES),
    headers=headers,
)
def test_anything_gets_an_answer(
    anybody: Any,
    *,
    method: str,
    path: str,
    part: str,
    query: dict[str, str],
    body: Any,
    content_type: str,
    headers: dict[str, str],
) -> None:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    answer = getattr(anybody, method)(
        path.replace("{x}", quote(part, safe="")),
        query_string=query,
        data=data,
        content_type=content_type,
        headers=headers,
    )
    assert answer.status_code < 500, answer.text
    if answer.status_code >= 400 and method != "head":
        assert answer.content_type == "application/problem+json"
        assert set(answer.json) == {"type", "title", "status", "code", "detail", "correlation_id"}
        assert answer.json["status"] == answer.status_code
