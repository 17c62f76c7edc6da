"""A person looks for a variant without any script, with the keyboard alone."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.journeys.pages import submit_example
from tests.journeys.service import RunningService


@pytest.mark.parametrize("context", [{"viewport": {"width": 320, "height": 640}}], indirect=True)
def test_a_variant_is_found_by_keyboard_without_scripts(
    signed_in: Page, running_service: RunningService
) -> None:
    url = running_service.url
    job = submit_example(signed_in, url, "sars-cov-2", "for the keyboard")
    browser = signed_in.context.browser
    assert browser
    context = browser.new_context(
        java_script_enabled=False,
        storage_state=signed_in.context.storage_state(),
        viewport={"width": 320, "height": 640},
    )
    page = context.new_page()
    page.goto(url + job)
    page.get_by_role("link", name="Browse the variants").press("Enter")
    expect(page.locator(".variants tbody tr")).to_have_count(16)
    page.get_by_label("Change, gene, ID or position").fill("d614")
    page.get_by_label("Change, gene, ID or position").press("Enter")
    row = page.locator(".variants tbody tr")
    expect(row).to_have_count(1)
    assert "text=d614" in page.url
    expect(row).to_contain_text("aspartic acid 614 becomes glycine")
    expect(row.get_by_text("23403A>G")).to_be_hidden()
    row.locator(".change summary").press("Enter")
    expect(row.get_by_text("23403A>G")).to_be_visible()
    page.get_by_role("link", name="Show all").press("Enter")
    page.get_by_role("link", name="stop gained 1 row").press("Enter")
    expect(page.locator(".variants tbody tr")).to_have_count(1)
    expect(page.locator(".variants tbody tr")).to_contain_text("glutamine 27 becomes a stop")
    context.close()
