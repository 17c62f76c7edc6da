"""Who may ask what, and what everybody hears first."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from domain.context import acting
from entrypoints.api.guard import UNKNOWN
from entrypoints.bootstrap import Gas
from tests.entrypoints.api.jobs import submitted
from tests.entrypoints.running import Somebody, a_gas, kept_views, somebody

OPEN = (
    "/openapi.json",
    "/docs",
    "/schemas",
    "/schemas/job.submitted.v1",
    "/references",
    "/references/toy/example",
)
ADDRESSES = (
    ("get", "/jobs"),
    ("get", "/jobs?nonsense=1"),
    ("post", "/jobs"),
    ("post", "/uploads"),
    ("get", "/jobs/00000000-0000-4000-8000-000000000000"),
    ("get", "/jobs/not-an-id"),
    ("get", "/no/such/address"),
    ("put", "/jobs"),
    ("options", "/jobs"),
    ("delete", "/references"),
    ("get", "/events?after=x"),
    ("get", "/me"),
)


@pytest.mark.parametrize("path", OPEN)
def test_what_is_open_answers_without_a_token(stranger: Any, path: str) -> None:
    assert stranger.get(f"/api/v1{path}").status_code == 200


@pytest.mark.parametrize(("method", "path"), ADDRESSES)
def test_all_else_is_401_before_anything_else_is_said(
    stranger: Any, method: str, path: str
) -> None:
    answer = getattr(stranger, method)(f"/api/v1{path}", data=b"{", content_type="text/odd")
    assert answer.status_code == 401
    assert answer.content_type == "application/problem+json"
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert answer.json["code"] == "not_signed_in"
    assert answer.json["correlation_id"] == answer.headers["X-Correlation-Id"]


@pytest.mark.parametrize(
    "header", ["Bearer gas_wrong", "Bearer ", "Basic YTpi", "gas_wrong", "Bearer \x7f", "Bearer ü"]
)
def test_a_wrong_key_is_401(stranger: Any, header: str) -> None:
    assert stranger.get("/api/v1/me", headers={"Authorization": header}).status_code == 401


def test_a_revoked_token_ends_at_once(gas: Gas, stranger: Any, ada: Somebody) -> None:
    assert stranger.get("/api/v1/me", headers=ada.headers).status_code == 200
    (token,) = gas.people.tokens(ada.user)
    with acting("user:test"):
        gas.people.revoke_token(ada.user, token["id"])
    assert stranger.get("/api/v1/me", headers=ada.headers).status_code == 401


def test_a_token_may_only_what_its_scopes_say(gas: Gas, stranger: Any) -> None:
    reader = somebody(gas, "reader", scopes=("jobs:read",))
    assert stranger.get("/api/v1/jobs", headers=reader.headers).status_code == 200
    refused = stranger.post("/api/v1/uploads", headers=reader.headers, json={"filename": "f"})
    assert refused.status_code == 403
    assert refused.json["code"] == "forbidden"
    assert "jobs:write" in refused.json["detail"]
    assert stranger.get("/api/v1/events", headers=reader.headers).status_code == 403


def test_a_foreign_job_is_as_if_it_were_not_there(api: Any, bobs_api: Any) -> None:
    job = submitted(api)
    for path in ("", "/input", "/result", "/log", "/summary", "/history"):
        foreign = bobs_api.get(f"/jobs/{job['id']}{path}")
        nobodys = bobs_api.get(f"/jobs/{uuid4()}{path}")
        assert (foreign.status_code, foreign.json["code"]) == (404, "not_found")
        assert (nobodys.status_code, nobodys.json["code"]) == (404, "not_found")
    assert bobs_api.post(f"/jobs/{job['id']}/cancel").status_code == 404
    assert bobs_api.delete(f"/jobs/{job['id']}").status_code == 404
    assert api.get(f"/jobs/{job['id']}").json["status"] == "submitted"
    assert bobs_api.get("/jobs").json["jobs"] == []


def test_a_foreign_upload_cannot_be_submitted(api: Any, bobs_api: Any, gas: Gas) -> None:
    place = api.post("/uploads", json={"filename": "f.vcf"}).json
    gas.uploads.put(place["fields"]["key"], b"##fileformat=VCFv4.2\n")
    body = {"upload_id": place["upload_id"], "reference": "toy"}
    assert bobs_api.post("/jobs", json=body).status_code == 404


def test_too_many_requests_are_429_with_when_to_come_back(tmp_path: Any) -> None:
    from entrypoints.app import create_app

    gas = a_gas(tmp_path, settings={"requests_a_minute": 3})
    with kept_views(gas):
        client, who = create_app(gas).test_client(), somebody(gas, "busy")
        answers = [client.get("/api/v1/me", headers=who.headers) for _ in range(5)]
        other = client.get("/api/v1/me", headers=somebody(gas, "calm").headers)
    first, last = answers[0], answers[-1]
    refusal: Any = last.json
    assert first.status_code == 200
    assert first.headers["RateLimit-Limit"] == "3"
    assert 0 < int(first.headers["RateLimit-Reset"]) <= 60
    assert last.status_code == 429
    assert last.headers["RateLimit-Remaining"] == "0"
    assert 0 < int(last.headers["Retry-After"]) <= 60
    assert refusal["code"] == "rate_limited"
    assert other.status_code == 200


def test_a_host_name_of_others_is_refused(stranger: Any, ada: Somebody) -> None:
    answer = stranger.get("/api/v1/me", headers=ada.headers, base_url="http://evil.example")
    assert answer.status_code == 400
    assert answer.content_type == "application/problem+json"


def test_what_the_document_does_not_know_is_open_to_nobody() -> None:
    assert UNKNOWN.scopes is not None


def test_every_operation_but_the_open_ones_needs_a_token(stranger: Any) -> None:
    spec = stranger.get("/api/v1/openapi.json").json
    unguarded = {
        path
        for path, item in spec["paths"].items()
        for operation in item.values()
        if not operation.get("security")
    }
    assert unguarded == {
        "/api/v1/openapi.json",
        "/api/v1/docs",
        "/api/v1/schemas",
        "/api/v1/schemas/{event_type}",
        "/api/v1/references",
        "/api/v1/references/{name}/example",
    }
