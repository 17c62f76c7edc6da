"""A real browser: the system's Chromium, driven by Playwright."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
ON_A_MAC = Path("/Applications/Google Chrome.app/Contents/MacOS/Google Chrome")
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
LOUD = "*** NO BROWSER: the browser tests do not run. Install Chromium (`make browser`). ***"


def find_browser() -> Path | None:
    """The system's Chromium or Chrome, or None."""
    found = next((path for name in NAMES if (path := shutil.which(name))), None)
    if found:
        return Path(found)
    return ON_A_MAC if ON_A_MAC.exists() else None


def in_ci() -> bool:
    return os.environ.get("CI") == "true"


@contextmanager
def launched() -> Iterator[Browser]:
    """A browser without a window; ``RuntimeError`` when there is none."""
    path = find_browser()
    if path is None:
        raise RuntimeError(LOUD)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, headless=True, args=FLAGS)
        yield browser
        browser.close()


def sign_in(page: Page, url: str, *, name: str = "", email: str = "") -> None:
    """Through the local stand-in for Globus, as the local user or as somebody else."""
    page.goto(url + "/sign-in")
    page.get_by_role("link", name="Continue with Globus").click()
    if name:
        page.get_by_label("Name").fill(name)
        page.get_by_label("Email address").fill(email)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(url + "/jobs")
