"""Paying as a browser does it while the word of the provider does not come by itself."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from entrypoints.local.cloud import EmbeddedCloud
from entrypoints.settings import Settings
from tests.cloud import aws, cloud
from tests.entrypoints.paying import PRICE, Cashier
from tests.entrypoints.web.conftest import Site, browser, bucket_prefix, compiled, site
from tests.entrypoints.web.paid_pages import cashier, stripe
from tests.journeys.service import free_port
from tests.journeys.test_live_parts import served, watching
from tests.standins import STRIPE_KEY, WEBHOOK_SECRET

__all__ = ["aws", "browser", "bucket_prefix", "cashier", "cloud", "compiled"]
__all__ += ["served", "site", "stripe", "watching"]


@pytest.fixture
def settings(
    tmp_path: Path, cloud: EmbeddedCloud, bucket_prefix: str, cashier: Cashier
) -> Settings:
    """At a port that a browser can reach; no webhook of the stand-in comes here."""
    return Settings(
        data_dir=tmp_path,
        port=free_port(),
        local=True,
        secret="for these tests only",
        stack=bucket_prefix,
        aws_endpoint=cloud.endpoint,
        stripe_url=cashier.stand.url,
        stripe_key=STRIPE_KEY,
        stripe_price=PRICE,
        stripe_webhook_secret=WEBHOOK_SECRET,
    )


def test_the_page_asks_by_itself_when_the_provider_does_not_tell(
    site: Site, watching: Page
) -> None:
    page, url = watching, site.gas.settings.address
    page.goto(url + "/plan")
    page.get_by_role("button", name="Upgrade to Premium").click()
    page.get_by_role("button", name="Go back without paying").click()
    expect(page.get_by_role("button", name="Upgrade to Premium")).to_be_visible()
    assert page.url == url + "/plan"
    page.get_by_role("button", name="Upgrade to Premium").click()
    page.get_by_role("button", name="Pay", exact=True).click()
    expect(page.get_by_text("Thank you: Premium is yours")).to_be_visible()
    expect(page.locator("#announcer")).to_have_text("Premium plan")
    page.get_by_role("button", name="Manage payment").click()
    page.get_by_role("button", name="Let the next payment fail").click()
    page.get_by_role("link", name="Back to GAS").click()
    expect(page.get_by_text("The last payment failed")).to_be_visible()
    page.get_by_role("button", name="Manage payment").click()
    page.get_by_role("button", name="Let the period end now").click()
    page.get_by_role("link", name="Back to GAS").click()
    expect(page.get_by_text("Premium ended")).to_be_visible()
    expect(page.locator("[hx-post]")).to_have_count(0)
