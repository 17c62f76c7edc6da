"""A free person's results are archived, the person upgrades, and everything comes back."""

from __future__ import annotations

import hashlib
import re
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Page, expect

from adapters.annotator_bcftools.references import BUNDLED
from tests.entrypoints.paying import wait_until
from tests.journeys.browser import sign_in
from tests.journeys.pages import submit_example
from tests.journeys.service import RunningService, start_service
from tests.journeys.test_every_page import findings, sticks_out
from tests.journeys.test_mails import wait_for_mail

RETENTION = 10  # seconds; long enough to download two results before
WIDTHS: dict[int, Literal["light", "dark"]] = {320: "dark", 1200: "light"}
PATIENCE = 45_000  # milliseconds for what the service does by itself


VAULT = {"GAS_ARCHIVE": "glacier_vault", "GAS_RETENTION_TIMER": "step_functions"}


@pytest.fixture(
    scope="module",
    params=[{}, pytest.param(VAULT, marks=pytest.mark.soak)],
    ids=["class and delay", "vault and step functions"],
)
def hasty(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningService]:
    """The whole service with the clock of retention in seconds."""
    service = start_service(
        tmp_path_factory.mktemp("plans"),
        GAS_FREE_RETENTION=str(RETENTION),
        GAS_SWEEP_SECONDS="0.5",
        **request.param,
    )
    yield service
    service.stop()


def test_archived_results_come_back_byte_identical_after_upgrading(
    page: Page, hasty: RunningService, tmp_path: Path
) -> None:
    url = hasty.url
    sign_in(page, url, name="Grace Example", email="grace@example.org")
    old = [submit_example(page, url, "sars-cov-2", "example"), submit_own(page, url, tmp_path)]
    before = {job: digest(page, url, job, tmp_path) for job in old}

    for job in old:
        page.goto(url + job)
        turns_into_archived(page)
        assert page.locator(".log li").count() > 3, "the log stays readable"
    is_accessible(page)
    refused = page.goto(f"{url}{old[0]}/download/result")
    assert refused
    assert refused.status == 409
    expect(page.locator(".lead")).to_contain_text(re.compile("archived since .*; upgrade to"))
    is_accessible(page)

    recent = [submit_example(page, url, "human-mt", "third"), submit_own(page, url, tmp_path)]
    before |= {job: digest(page, url, job, tmp_path) for job in recent}
    page.goto(url + recent[1])
    expect(page.get_by_text(re.compile(r"Archives in \d+:\d\d"))).to_be_visible(timeout=PATIENCE)
    upgrade(page, url)

    for job in old:
        page.goto(url + job)
        comes_back(page)
    page.goto(url + "/jobs")
    expect(page.locator("#rows")).not_to_contain_text("archive")  # nor "archives in": all spared
    for job, sha256 in before.items():
        assert digest(page, url, job, tmp_path) == sha256, job

    cancel(page, url)
    wait_until(lambda: webhooks_left(hasty) == 0)
    expect(page.get_by_text(re.compile("Premium ends .* 20"))).to_be_visible()
    expect(page.locator("#plan")).to_contain_text("are then archived again")
    is_accessible(page)
    was_told_by_mail(page, url)


def was_told_by_mail(page: Page, url: str) -> None:
    """Of each step once; of a restoration that is quicker than its mail only that it is done."""
    wait_for_mail(page, url, "Your Premium plan ends on")
    mails = Counter(page.locator("article h2").all_inner_texts())
    for name, runs in (("sars-cov-2.example.vcf", 1), ("human-mt.example.vcf", 1), ("mine.vcf", 2)):
        assert mails.pop(f"{name} is annotated") == runs
    for name in ("sars-cov-2.example.vcf", "mine.vcf"):
        assert mails.pop(f"The result of {name} is archived") == 1
        assert mails.pop(f"The result of {name} is being restored", 1) == 1
        assert mails.pop(f"The result of {name} is back") == 1
    assert mails.pop("You are on the Premium plan") == 1
    (last,) = mails
    assert last.startswith("Your Premium plan ends on")


def is_accessible(page: Page) -> None:
    """Nothing for axe to find and nothing sticking out, wide and light or narrow and dark."""
    for width, scheme in WIDTHS.items():
        page.set_viewport_size({"width": width, "height": 800})
        page.emulate_media(color_scheme=scheme)
        page.reload()  # colours do not change in the middle of a look
        assert findings(page) == []
        assert sticks_out(page) == 0


def submit_own(page: Page, url: str, tmp_path: Path) -> str:
    """Upload a file of one's own and wait for its result; the path of its page."""
    own = tmp_path / "mine.vcf"
    own.write_bytes((BUNDLED / "sars-cov-2" / "example.vcf").read_bytes())
    page.goto(url + "/new")
    page.locator("#file").set_input_files(own)
    page.get_by_role("button", name="Annotate").click()
    expect(page.locator(".job-state")).to_contain_text("Completed", timeout=PATIENCE)
    return page.url.removeprefix(url)


def digest(page: Page, url: str, job: str, tmp_path: Path) -> str:
    """SHA-256 of the result as it is downloaded, which is what the page says."""
    page.goto(url + job)
    with page.expect_download() as caught:
        page.get_by_role("link", name="Annotated VCF", exact=True).click()
    path = tmp_path / "downloaded"
    caught.value.save_as(path)
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    assert found in page.locator("#job").inner_text()
    return found


def turns_into_archived(page: Page) -> None:
    """By itself, without a reload."""
    link = page.get_by_role("link", name="Archived, upgrade to restore")
    expect(link).to_be_visible(timeout=PATIENCE)
    expect(page.locator(".notice-title")).to_contain_text(re.compile("Archived since .*upgrade"))
    expect(page.get_by_role("link", name="Annotated VCF", exact=True)).to_have_count(0)


def upgrade(page: Page, url: str) -> None:
    """Pay at the stand-in for Stripe, and wait for its word."""
    page.goto(url + "/plan")
    page.get_by_role("button", name="Upgrade to Premium").click()
    page.get_by_role("button", name="Pay", exact=True).click()
    expect(page.get_by_text("Thank you: Premium is yours")).to_be_visible(timeout=PATIENCE)
    assert page.url == url + "/plan?back=pay"


def webhooks_left(service: RunningService) -> int:
    """How many of Stripe's webhooks the service has not taken."""
    with closing(sqlite3.connect(service.data_dir / "standins" / "stripe.db")) as desk:
        sent, taken = desk.execute("SELECT count(*), sum(delivered) FROM event").fetchone()
    assert sent > 0
    return int(sent - taken)


def comes_back(page: Page) -> None:
    """The page says that it is on its way until it is there."""
    link = page.get_by_role("link", name="Annotated VCF", exact=True)
    if link.count() == 0:
        expect(page.locator(".notice-title")).to_contain_text(re.compile("restored"))
    expect(link).to_be_visible(timeout=PATIENCE)


def cancel(page: Page, url: str) -> None:
    """At Stripe, and back."""
    page.goto(url + "/plan")
    page.get_by_role("button", name="Manage payment").click()
    page.get_by_role("button", name="Cancel at the end of the period").click()
    page.get_by_role("link", name="Back to GAS").click()
