"""During an outage pages and API say so with 503, and everything else stays as it is."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any, NoReturn

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from adapters.objects_s3 import S3Objects
from adapters.records_dynamodb import DynamoDBRecords
from entrypoints.app import create_app
from entrypoints.bootstrap import Gas
from entrypoints.local.cloud import free_port
from tests.entrypoints.running import a_gas, kept_views, somebody
from tests.entrypoints.test_outages import cloud_at
from tests.world import GOOD

COOKIE = "gas_session_8000"
SECRET = {"secret": "for these tests only"}


def client_of(gas: Gas) -> FlaskClient:
    client: FlaskClient = create_app(gas).test_client()
    client.set_cookie(COOKIE, "somebody's session", domain="127.0.0.1")
    return client


@pytest.fixture
def without_records(tmp_path: Path) -> FlaskClient:
    """Where sessions, tokens and names are, nobody listens."""
    dynamodb = cloud_at(free_port()).client("dynamodb", attempts=1)
    records = DynamoDBRecords(dynamodb, "t", now=lambda: 0.0)
    return client_of(a_gas(tmp_path, records=records, settings=SECRET))


def get(client: FlaskClient, path: str, **how: Any) -> TestResponse:
    return client.get(path, base_url="http://127.0.0.1:8000", **how)


@pytest.mark.parametrize("path", ["/jobs", "/jobs?page=2", "/account", "/", "/no-such-page"])
def test_a_page_says_so_and_offers_to_try_again(without_records: FlaskClient, path: str) -> None:
    answer = get(without_records, path)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "10")
    assert "Nothing that was saved is lost" in answer.text
    assert '<a class="btn btn-primary" href="">Try again</a>' in answer.text
    assert "Sign in" not in answer.text
    assert answer.headers["X-Correlation-Id"] in answer.text
    assert answer.headers["Cache-Control"] == "no-store"
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]


def test_its_styles_are_there_meanwhile(without_records: FlaskClient) -> None:
    page = get(without_records, "/jobs").text
    links = re.findall(r'(?:href|src)="(/[^"]+\.(?:css|js|svg)[^"]*)"', page)
    assert len(links) >= 4
    assert [get(without_records, link).status_code for link in links] == [200] * len(links)


def test_a_form_is_not_offered_as_a_link(tmp_path: Path, without_records: FlaskClient) -> None:
    without_records.delete_cookie(COOKIE, domain="127.0.0.1")
    without_records.application.config["WTF_CSRF_ENABLED"] = False
    answer = without_records.post("/sign-out", base_url="http://127.0.0.1:8000")
    assert answer.status_code == 503
    assert "go back in your browser and send the form once more" in answer.text
    assert "Try again</a>" not in answer.text


def test_the_api_answers_with_a_problem(without_records: FlaskClient) -> None:
    answer = get(without_records, "/api/v1/jobs", headers={"Authorization": "Bearer gas_x"})
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "10")
    assert answer.content_type == "application/problem+json"
    problem = answer.get_json()
    assert (problem["code"], problem["status"]) == ("unavailable", 503)
    assert problem["correlation_id"] == answer.headers["X-Correlation-Id"]
    assert "127.0.0.1" not in problem["detail"]  # nothing of the inside


def test_what_programs_send_us_is_answered_in_a_line(without_records: FlaskClient) -> None:
    assert get(without_records, "/healthz").status_code == 200
    assert get(without_records, "/readyz").status_code == 503
    assert get(without_records, "/no-such-page").status_code == 503
    assert get(without_records, "/hooks/no-such").status_code == 404


def test_a_file_that_cannot_be_kept_leaves_the_key_to_be_used_again(tmp_path: Path) -> None:
    away = S3Objects(cloud_at(free_port()).client("s3", attempts=1), "uploads")
    gas = a_gas(tmp_path / "a", uploads=away, settings=SECRET)
    ada = somebody(gas, "ada")

    def submit(gas: Gas) -> TestResponse:
        return client_of(gas).post(
            "/api/v1/jobs",
            base_url="http://127.0.0.1:8000",
            headers=ada.headers | {"Idempotency-Key": "k"},
            data={"reference": "toy", "file": (io.BytesIO(GOOD), "a.vcf")},
        )

    refused = submit(gas)
    assert (refused.status_code, refused.get_json()["code"]) == (503, "unavailable")
    back = a_gas(tmp_path / "a", settings=SECRET)
    with kept_views(back):
        assert submit(back).status_code == 201


def test_a_fault_of_ours_stays_a_fault(tmp_path: Path) -> None:
    gas = a_gas(tmp_path, settings=SECRET)
    app = create_app(gas)

    @app.route("/api/v1/broken")
    @app.route("/broken")
    def broken() -> NoReturn:
        raise ZeroDivisionError

    client = app.test_client()
    assert get(client, "/broken").status_code == 500
    ada = somebody(gas, "ada", scopes=())
    answer = get(client, "/api/v1/broken", headers=ada.headers)
    assert (answer.status_code, answer.get_json()["code"]) == (500, "internal_error")
