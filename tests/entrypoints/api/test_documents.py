"""The documents the API gives of itself."""

from __future__ import annotations

import re
from base64 import b64encode
from hashlib import sha256
from html import unescape
from typing import Any

from flask_openapi3.utils import parse_rule

from entrypoints.api.codes import CODES, STATUS
from entrypoints.api.documents import Me, References, UsageDocument
from entrypoints.api.problems import Refused, status_of


def test_the_openapi_document_is_whole_and_of_this_api_alone(stranger: Any) -> None:
    answer = stranger.get("/api/v1/openapi.json")
    spec = answer.json
    assert spec["openapi"].startswith("3.1")
    assert all(path.startswith("/api/v1/") for path in spec["paths"])
    named = set(
        re.findall(r'"#/components/schemas/([^"]+)"', stranger.get("/api/v1/openapi.json").text)
    )
    assert named <= set(spec["components"]["schemas"])
    for item in spec["paths"].values():
        for operation in item.values():
            assert operation["summary"]
            assert "application/problem+json" in operation["responses"]["default"]["content"]


def test_every_documented_path_is_served(app: Any, stranger: Any) -> None:
    served = {parse_rule(rule.rule) for rule in app.url_map.iter_rules()}
    assert set(stranger.get("/api/v1/openapi.json").json["paths"]) <= served


def test_every_route_of_the_api_is_documented(app: Any, stranger: Any) -> None:
    spec = stranger.get("/api/v1/openapi.json").json
    for rule in app.url_map.iter_rules():
        if rule.rule.startswith("/api/"):
            path = parse_rule(rule.rule)
            documented = {method.upper() for method in spec["paths"][path]}
            assert rule.methods - {"HEAD", "OPTIONS"} <= documented


def test_the_page_needs_nothing_from_elsewhere(stranger: Any) -> None:
    page = stranger.get("/api/v1/docs")
    assert page.content_type.startswith("text/html")
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    assert not re.search(r"<(script|link|img)|https?://|url\(|@import|style=", page.text)
    (style,) = re.findall(r"<style>(.*?)</style>", page.text, re.DOTALL)
    digest = b64encode(sha256(style.encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}'" in page.headers["Content-Security-Policy"]
    assert "`" not in page.text, "code is set as code"
    text = unescape(page.text)
    for code, (status, meaning) in CODES.items():
        assert f'<li id="{code}"><code>{code}</code> {status}: {meaning}</li>' in text
    assert "GET /api/v1/jobs/{job_id}" in page.text
    ids = re.findall(r' id="([^"]+)"', page.text)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r'href="#([^"]+)"', page.text)) <= set(ids), "every link leads somewhere"


def test_every_code_has_a_status() -> None:
    for code, status in STATUS.items():
        assert status_of(Refused(code, "sentence")) == status


def test_references_and_their_examples(stranger: Any) -> None:
    found = stranger.get("/api/v1/references").json
    References.model_validate(found)
    assert found["references"][0]["contigs"] == [{"name": "c", "length": 10}]
    assert stranger.get("/api/v1/references/toy/example").data.startswith(b"##fileformat")
    assert stranger.get("/api/v1/references/hg99/example").json["code"] == "not_found"


def test_me_and_my_usage(api: Any, ada: Any) -> None:
    me = api.get("/me").json
    Me.model_validate(me)
    assert (me["id"], me["name"], me["plan"]) == (str(ada.user), "ada", "free")
    assert "audit:read" not in me["scopes"]
    usage = api.get("/usage").json
    UsageDocument.model_validate(usage)
    assert (usage["jobs_open"], usage["jobs_today"]) == (0, 0)
