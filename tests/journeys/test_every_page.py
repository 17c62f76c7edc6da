"""Every page: nothing for axe to find, nothing sticking out at 320 px, in both themes."""

from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from tests.journeys.pages import STRANGERS, every_page, show, submit_example
from tests.journeys.service import RunningService

LIGHT = {"color_scheme": "light", "viewport": {"width": 1200, "height": 800}}
NARROW_DARK = {"color_scheme": "dark", "viewport": {"width": 320, "height": 640}}


def findings(page: Page) -> list[str]:
    """What axe finds, one line each."""
    found = Axe().run(page).response["violations"]
    return [
        f"{v['id']}: {node['target']} {node['html'][:120]}" for v in found for node in v["nodes"]
    ]


def sticks_out(page: Page) -> int:
    """How many pixels the page is wider than the window."""
    width: int = page.evaluate(
        "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    )
    return width


@pytest.mark.parametrize("context", [LIGHT, NARROW_DARK], indirect=True)
def test_every_page_is_accessible_and_fits(
    signed_in: Page, running_service: RunningService
) -> None:
    job = submit_example(signed_in, running_service.url, "sars-cov-2", "Run 12, plate B")
    problems: dict[str, object] = {}
    for visit in every_page(job):
        show(signed_in, running_service.url, visit)
        if found := findings(signed_in):
            problems[visit.name] = found
        if too_wide := sticks_out(signed_in):
            problems[f"{visit.name}, width"] = too_wide
    assert problems == {}


@pytest.mark.parametrize("context", [NARROW_DARK], indirect=True)
def test_the_menu_stands_on_one_line_on_a_phone(
    signed_in: Page, running_service: RunningService
) -> None:
    signed_in.goto(running_service.url)
    items = signed_in.locator(".top li")
    boxes = [box for item in items.all() if (box := item.bounding_box())]
    assert len(boxes) == 5
    assert max(b["y"] for b in boxes) < min(b["y"] + b["height"] for b in boxes)


@pytest.mark.parametrize("context", [LIGHT, NARROW_DARK], indirect=True)
def test_a_strangers_pages_are_accessible_and_fit(
    page: Page, running_service: RunningService
) -> None:
    for visit in STRANGERS:
        show(page, running_service.url, visit)
        assert findings(page) == [], visit.name
        assert sticks_out(page) == 0, visit.name


def test_both_themes_show_without_scripts(
    chromium: object, page: Page, running_service: RunningService
) -> None:
    """The paper is light or dark as the reader prefers, whether or not a script runs."""
    shades = {}
    browser = page.context.browser
    assert browser
    for scheme in ("light", "dark"):
        for scripts in (True, False):
            context = browser.new_context(
                color_scheme=scheme,
                java_script_enabled=scripts,
            )
            bare = context.new_page()
            bare.goto(running_service.url)
            body = bare.locator("body")
            shades[scheme, scripts] = body.evaluate("e => getComputedStyle(e).backgroundColor")
            context.close()
    assert shades["light", True] == shades["light", False]
    assert shades["dark", True] == shades["dark", False]
    assert shades["light", True] != shades["dark", True]
