"""A mail comes when a job is finished, is read on this machine, and leads back to the job."""

from __future__ import annotations

from typing import Literal

from playwright.sync_api import Page, expect

from tests.journeys.pages import submit_example
from tests.journeys.service import RunningService
from tests.journeys.test_every_page import findings, sticks_out


def wait_for_mail(page: Page, url: str, subject: str) -> None:
    """Reload the mails until one has come."""
    for _ in range(100):
        page.goto(url + "/mails")
        if page.get_by_role("heading", name=subject).count():
            return
        page.wait_for_timeout(100)
    raise AssertionError(f"no mail {subject!r}: {page.locator('main').inner_text()}")


def check_looks(page: Page, html: str) -> None:
    """As a mail program shows it, in both themes and on a phone."""
    program = page.context.new_page()
    program.set_content(html)
    schemes: tuple[Literal["light", "dark"], ...] = ("light", "dark")
    for scheme in schemes:
        program.emulate_media(color_scheme=scheme)
        program.set_viewport_size({"width": 320, "height": 640})
        assert findings(program) == []
        assert sticks_out(program) == 0
    program.close()


def test_a_finished_job_is_told_by_a_mail_that_leads_to_it(
    signed_in: Page, running_service: RunningService
) -> None:
    page, url = signed_in, running_service.url
    job = submit_example(page, url, "sars-cov-2", "")
    wait_for_mail(page, url, "is annotated")
    expect(page.locator(".mail-text")).to_contain_text("Then it is archived")
    shown = str(page.get_by_role("link", name="as a mail program").get_attribute("href"))
    check_looks(page, page.request.get(url + shown).text())
    page.goto(url + shown)
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")  # no script runs there, not even the browser driver's
    page.wait_for_url(url + job)
    expect(page.locator(".job-state")).to_contain_text("Completed")
    page.goto(url + "/mails")
    assert page.locator("article").count() == 1, "one mail, not one for each hint"


def test_who_wants_no_mails_gets_none(signed_in: Page, running_service: RunningService) -> None:
    page, url = signed_in, running_service.url
    page.goto(url + "/account")
    page.get_by_role("link", name="Which mails you get").click()
    for box in page.get_by_role("checkbox").all():
        box.uncheck()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("status").first).to_contain_text("Your choice is saved")
    submit_example(page, url, "sars-cov-2", "")
    page.goto(url + "/account/mail")
    page.get_by_label("when a job is finished").check()
    page.get_by_role("button", name="Save").click()
    submit_example(page, url, "human-mt", "")
    wait_for_mail(page, url, "is annotated")
    assert page.locator("article").count() == 1
