"""``python -m tests.journeys.screenshots``: every page, light, dark and narrow, into a folder.

With ``--picture FILE`` only the README's picture is taken: the page of a completed job.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser

from tests.journeys.browser import launched, sign_in
from tests.journeys.pages import STRANGERS, every_page, show, submit_example
from tests.journeys.service import start_service

OUT = Path("var/screenshots")
WIDE = {"width": 1200, "height": 800}
LOOKS: dict[str, dict[str, Any]] = {
    "light": {"color_scheme": "light", "viewport": WIDE},
    "dark": {"color_scheme": "dark", "viewport": WIDE},
    "320": {"color_scheme": "light", "viewport": {"width": 320, "height": 640}},
}


def main(arguments: list[str]) -> None:
    """Start a service, walk through it, take the pictures, stop it."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("folder", nargs="?", type=Path, default=OUT)
    asked.add_argument("--picture", type=Path, help="take only the README's picture")
    options = asked.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="screenshots-") as folder:
        service = start_service(Path(folder))
        try:
            with launched() as browser:
                if options.picture:
                    take_picture(browser, service.url, options.picture)
                else:
                    take_all(browser, service.url, options.folder)
        finally:
            service.stop()
    print(f"the pictures are in {options.picture or options.folder}")


def take_picture(browser: Browser, url: str, file: Path) -> None:
    """The page of a completed job, down to its charts."""
    context = browser.new_context(color_scheme="light", viewport={"width": 1100, "height": 925})
    page = context.new_page()
    sign_in(page, url)
    submit_example(page, url, "sars-cov-2", "Run 12, plate B")
    page.screenshot(path=file)
    context.close()


def take_all(browser: Browser, url: str, out: Path) -> None:
    """Each page in each look, as ``<page>-<look>.png``."""
    out.mkdir(parents=True, exist_ok=True)
    for look, options in LOOKS.items():
        context = browser.new_context(**options)
        page = context.new_page()
        for visit in STRANGERS:
            show(page, url, visit)
            page.screenshot(path=out / f"{visit.name}-{look}.png", full_page=True)
        sign_in(page, url)
        job = submit_example(page, url, "sars-cov-2", "Run 12, plate B")
        for visit in every_page(job):
            show(page, url, visit)
            page.screenshot(path=out / f"{visit.name}-{look}.png", full_page=True)
        context.close()


if __name__ == "__main__":
    main(sys.argv[1:])
