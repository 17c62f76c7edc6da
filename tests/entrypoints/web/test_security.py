"""What every answer carries, which hosts are answered, and errors as pages."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from flask import Flask
from pydantic import SecretStr

from entrypoints.bootstrap import Gas
from entrypoints.settings import Settings
from entrypoints.web import register
from tests.cloud import ORIGIN
from tests.entrypoints.web.conftest import Browser, Site

PAGES = ("/", "/sign-in", "/new", "/jobs", "/account", "/signed-out", "/nowhere")


@pytest.mark.parametrize("path", PAGES)
def test_every_page_has_a_strict_policy_and_nothing_inline(
    site: Site, browser: Browser, path: str
) -> None:
    answer = browser.get(path, follow_redirects=True)
    store = site.gas.settings.aws_endpoint
    policy = answer.headers["Content-Security-Policy"]
    assert policy.split("; ") == [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        f"connect-src 'self' {store}",
        f"form-action 'self' {store}",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    ]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "same-origin"
    assert "Strict-Transport-Security" not in answer.headers
    assert answer.headers["Cache-Control"] == "no-store"
    assert re.fullmatch(r"[0-9a-f]{32}", answer.headers["X-Correlation-Id"])
    text = answer.text
    assert not re.search(r"<script(?![^>]*\bsrc=)", text)
    assert not re.search(r"<style|\sstyle=|\son\w+=|javascript:", text)


@pytest.mark.parametrize("path", PAGES)
def test_no_page_loads_anything_from_another_host(browser: Browser, path: str) -> None:
    text = browser.get(path, follow_redirects=True).text
    for address in re.findall(r'(?:src|href)="([^"]+)"', text):
        assert address.startswith(("/", "#", "https://globus.example/")), address


def test_every_asset_of_a_page_is_there_and_may_be_kept(browser: Browser) -> None:
    page = browser.get("/jobs").text + browser.get("/new").text
    assets = set(re.findall(r'(?:src|href)="(/(?:assets|bootstrap)[^"]+)"', page))
    assert any("htmx" in address for address in assets)
    for address in assets:
        assert browser.get(address).status_code == 200, address
    kept = next(address for address in assets if "gas.css" in address)
    assert "max-age=31536000" in browser.get(kept).headers["Cache-Control"]


def test_a_missing_asset_is_a_404(browser: Browser) -> None:
    for name in ("nothing.css", "../errors.py", "htmx/../../__init__.py"):
        assert browser.get(f"/assets/{name}").status_code == 404


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "169.254.169.254"])
def test_a_local_service_answers_to_no_other_name(site: Site, host: str) -> None:
    answer = site.app.test_client().get("/", headers={"Host": host})
    assert answer.status_code == 400
    assert "does not answer to that host name" in answer.text
    assert host not in answer.text


@pytest.mark.parametrize(
    "header", ["X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "Forwarded", "X-Real-IP"]
)
def test_a_local_service_takes_no_forwarded_requests(site: Site, header: str) -> None:
    answer = site.app.test_client().get("/", base_url=ORIGIN, headers={header: "x"})
    assert answer.status_code == 400
    assert "no forwarded requests" in answer.text


def test_localhost_is_sent_to_the_one_origin(site: Site) -> None:
    answer = site.app.test_client().get("/jobs?q=a%20b", base_url="http://localhost:8000")
    assert answer.status_code == 307
    assert answer.location == "http://127.0.0.1:8000/jobs?q=a%20b"


def test_a_form_without_our_token_is_refused_and_explained(browser: Browser) -> None:
    for path in ("/jobs", "/new/upload", "/account/tokens", "/sign-out"):
        answer = browser.client.post(path, base_url=ORIGIN, data={"source": "text"})
        assert answer.status_code == 400, path
        assert "reload the page" in answer.text
    assert browser.get("/jobs").status_code == 200


def test_a_token_of_another_browsers_form_is_refused(browser: Browser, rival: Browser) -> None:
    from tests.entrypoints.web.conftest import hidden

    token = hidden(rival.get("/new").text, "csrf_token")
    answer = browser.client.post("/sign-out", base_url=ORIGIN, data={"csrf_token": token})
    assert answer.status_code == 400


def test_wrong_ways_of_asking_are_pages_with_a_way_back(browser: Browser) -> None:
    for path, status in (("/nowhere", 404), ("/jobs/not-an-id", 404), ("/sign-out", 405)):
        answer = browser.get(path)
        assert answer.status_code == status
        assert answer.headers["X-Correlation-Id"] in answer.text
        assert 'href="/"' in answer.text
    assert browser.get("/sign-out").headers["Allow"]


def test_what_breaks_is_logged_and_shown_without_its_insides(
    site: Site, browser: Browser, caplog: pytest.LogCaptureFixture
) -> None:
    class Broken:
        def page(self, *args: object, **kwargs: object) -> None:
            raise RuntimeError("password=hunter2")

    site.gas.__dict__["jobs"] = Broken()
    answer = browser.get("/jobs")
    assert answer.status_code == 500
    assert "hunter2" not in answer.text
    correlation = answer.headers["X-Correlation-Id"]
    assert correlation in answer.text
    assert any(correlation in record.getMessage() for record in caplog.records)


def test_programs_addresses_are_left_to_them(site: Site) -> None:
    for path in ("/api/v1/nothing", "/hooks/nothing"):
        answer = site.app.test_client().get(path, base_url=ORIGIN)
        assert answer.status_code == 404
        assert "X-Correlation-Id" in answer.headers
        assert "way back" not in answer.text
        assert "Content-Security-Policy" not in answer.headers


def test_a_service_on_the_net_needs_a_secret_and_sends_its_cookies_over_https_only(
    tmp_path: Path, site: Site
) -> None:
    settings = Settings(data_dir=tmp_path, url="https://gas.example.org")
    with pytest.raises(RuntimeError, match="GAS_SECRET"):
        register(Flask("x"), Gas(settings))
    app = Flask("y")
    settings = settings.model_copy(update={"secret": SecretStr("s" * 32)})
    register(app, Gas(settings, identity=site.provider, cloud=site.gas.cloud))
    answer = app.test_client().get("/sign-in/globus", base_url="https://gas.example.org")
    assert all("Secure" in cookie for cookie in answer.headers.getlist("Set-Cookie"))
    assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"
    assert "redirect_uri=https%3A%2F%2Fgas.example.org%2Fsign-in%2Fcallback" in answer.location
