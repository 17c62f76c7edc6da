"""Live parts as a browser runs them: quiet while nothing changes, and at rest when all is done."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import Page, expect
from werkzeug.serving import make_server

from domain.context import acting
from entrypoints.local.cloud import EmbeddedCloud
from entrypoints.settings import Settings
from tests.cloud import aws, cloud
from tests.entrypoints.web.conftest import (
    Browser,
    Site,
    browser,
    bucket_prefix,
    compiled,
    example,
    site,
)
from tests.journeys.service import free_port

__all__ = ["aws", "browser", "bucket_prefix", "cloud", "compiled", "example", "site"]


@pytest.fixture
def settings(tmp_path: Path, cloud: EmbeddedCloud, bucket_prefix: str) -> Settings:
    """As for all pages, but at a port that a browser can reach."""
    return Settings(
        data_dir=tmp_path,
        port=free_port(),
        local=True,
        secret="for these tests only",
        stack=bucket_prefix,
        aws_endpoint=cloud.endpoint,
    )


@pytest.fixture
def served(site: Site) -> Iterator[str]:
    """The pages on loopback; there is no worker, so jobs wait until a test moves them."""
    server = make_server("127.0.0.1", site.gas.settings.port, site.app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield site.gas.settings.address
    server.shutdown()
    thread.join()


@pytest.fixture
def watching(chromium: Chromium, site: Site, served: str, browser: Browser) -> Iterator[Page]:
    """A real browser in the session of the test's person."""
    context = chromium.new_context()
    name = f"gas_session_{site.gas.settings.port}"
    cookie = browser.client.get_cookie(name, domain="127.0.0.1")
    assert cookie
    context.add_cookies([{"name": name, "value": cookie.value, "url": served}])
    yield context.new_page()
    context.close()


def cancel(site: Site, job_id: UUID) -> None:
    with acting("system:test"):
        site.gas.service.cancel_job(job_id, owner=site.gas.service.job(job_id).owner)


@pytest.mark.parametrize("whole", [True, False], ids=["job", "list"])
def test_a_live_part_is_quiet_then_changes_once_and_rests(
    site: Site, watching: Page, browser: Browser, example: str, whole: bool
) -> None:
    job_id = browser.submit(example)
    answers: list[int] = []
    live = f"/jobs/{job_id}/live" if whole else "/jobs/rows"
    watching.on("response", lambda r: answers.append(r.status) if live in r.url else None)
    watching.goto(site.gas.settings.address + (f"/jobs/{job_id}" if whole else "/jobs"))
    part = watching.locator("#job" if whole else "#rows")
    part.evaluate("part => { part.dataset.untouched = 'yes'; }")
    with watching.expect_response(lambda r: live in r.url):
        pass
    assert answers == [304]
    expect(part).to_have_attribute("data-untouched", "yes")
    cancel(site, job_id)
    expect(part).to_contain_text("Cancelled")
    assert answers[-1] == 200
    assert set(answers[:-1]) == {304}
    expect(watching.locator("[hx-get]")).to_have_count(0)
    if whole:
        expect(watching.locator("#announcer")).to_have_text("Cancelled")
