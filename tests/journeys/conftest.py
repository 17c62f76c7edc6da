"""One service and one browser for all journeys of a test process."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from tests.journeys.browser import LOUD, find_browser, in_ci, launched, sign_in
from tests.journeys.service import RunningService, start_service


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Whatever needs a browser says so, so that `-m "not browser"` leaves it out."""
    for item in items:
        if "chromium" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.journey)


@pytest.fixture(scope="session")
def running_service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningService]:
    """``gas up`` on a free port with a data folder of its own, ready, and stopped at the end."""
    service = start_service(tmp_path_factory.mktemp("service"))
    yield service
    service.stop()


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """The system's browser; without one the test is skipped loudly, and in CI it fails."""
    if find_browser() is None:
        if in_ci():
            pytest.fail(LOUD)
        print(LOUD)
        pytest.skip(LOUD)
    with launched() as browser:
        yield browser


class Complaints(list[str]):
    """What the browser complained of: broken scripts and refused policies."""


@pytest.fixture
def complaints() -> Iterator[Complaints]:
    """Whatever a page makes the browser complain of fails the test that looked at it."""
    found = Complaints()
    yield found
    assert found == [], "the browser complained"


@pytest.fixture
def context(chromium: Browser, request: pytest.FixtureRequest) -> Iterator[BrowserContext]:
    """A browser profile of this test alone; ``@pytest.mark.parametrize`` may give options."""
    options: dict[str, Any] = getattr(request, "param", {})
    context = chromium.new_context(**options)
    context.set_default_timeout(20_000)
    yield context
    context.close()


@pytest.fixture
def page(context: BrowserContext, complaints: Complaints) -> Page:
    """A page that listens for complaints."""
    page = context.new_page()
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on(
        "console",
        lambda message: (
            complaints.append(message.text) if "Content Security Policy" in message.text else None
        ),
    )
    return page


@pytest.fixture
def signed_in(page: Page, running_service: RunningService, request: pytest.FixtureRequest) -> Page:
    """A page with a person of this test alone signed in, on their empty list of jobs."""
    name = request.node.name[:40]
    sign_in(page, running_service.url, name=name, email=f"{abs(hash(name))}@example.org")
    return page
