"""Mails: one chooses which come; on one machine one reads one's own, and nobody else's."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from adapters.mail_ses import SesMailer
from domain.ports.mails import Mail
from entrypoints.local.cloud import SENDER, EmbeddedCloud, mailbox_url
from entrypoints.settings import Settings
from tests.entrypoints.web.conftest import Browser, Site


@pytest.fixture
def settings(settings: Settings, cloud: EmbeddedCloud) -> Settings:
    return settings.model_copy(update={"mailbox_url": mailbox_url(cloud.port, cloud.ready_path)})


@pytest.fixture
def mailer(cloud: EmbeddedCloud) -> Iterator[SesMailer]:
    return SesMailer(cloud.aws.client("sesv2", attempts=1), SENDER)  # type: ignore[return-value]


def boxes(page: str) -> dict[str, bool]:
    """Group of mails -> whether its box is checked."""
    found = re.findall(r'name="wanted" value="(\w+)"[^>]*?(checked)?>', page)
    return {group: bool(checked) for group, checked in found}


def test_every_mail_is_wanted_until_one_says_otherwise(site: Site, browser: Browser) -> None:
    assert "/account/mail" in browser.get("/account").text
    page = browser.get("/account/mail").text
    assert boxes(page) == {"results": True, "storage": True}
    assert "ada@example.org" in page
    saved = browser.send("/account/mail", {"wanted": ["results"]}, seen_on="/account/mail")
    assert (saved.status_code, saved.location) == (303, "/account/mail")
    page = browser.get("/account/mail").text
    assert boxes(page) == {"results": True, "storage": False}
    assert "Your choice is saved" in page


def test_a_choice_is_ones_own(browser: Browser, rival: Browser) -> None:
    browser.send("/account/mail", {}, seen_on="/account/mail")
    assert boxes(browser.get("/account/mail").text) == {"results": False, "storage": False}
    assert boxes(rival.get("/account/mail").text) == {"results": True, "storage": True}


def test_a_choice_needs_the_forms_token(browser: Browser) -> None:
    answer = browser.client.post("/account/mail", base_url="http://127.0.0.1:8000", data={})
    assert answer.status_code == 400
    assert boxes(browser.get("/account/mail").text) == {"results": True, "storage": True}


def test_a_stranger_chooses_and_reads_nothing(stranger: Browser) -> None:
    for path in ("/account/mail", "/mails", "/mails/x"):
        assert stranger.get(path).status_code == 302


def test_one_reads_ones_own_mails_and_nobody_elses(
    browser: Browser, rival: Browser, mailer: SesMailer
) -> None:
    name = mailer.send(
        Mail("ada@example.org", "<b>Done</b>", "<script>alert(1)</script>", "<p>as HTML</p>")
    )
    mailer.send(Mail("adele@example.org", "Not hers", "Not hers"))
    page = browser.get("/mails").text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "&lt;b&gt;Done&lt;/b&gt;" in page
    assert "Not hers" not in page
    assert "gone after the next start" in page
    shown = browser.get(f"/mails/{name}")
    assert "<p>as HTML</p>" in shown.text
    assert shown.headers["Content-Security-Policy"].startswith("sandbox; default-src 'none'")
    assert "Done" not in rival.get("/mails").text
    assert rival.get(f"/mails/{name}").status_code == 404


def test_the_services_own_addresses_in_a_mail_can_be_followed_and_no_others(
    browser: Browser, mailer: SesMailer
) -> None:
    text = 'Open:\nhttp://127.0.0.1:8000/jobs/1-a\nhttp://evil.example/jobs/1 "<i>"'
    mailer.send(Mail("ada@example.org", "Links", text))
    page = browser.get("/mails").text
    own = "http://127.0.0.1:8000/jobs/1-a"
    assert f'<a href="{own}">{own}</a>\nhttp://evil.example/jobs/1 &#34;&lt;i&gt;' in page


def test_the_service_elsewhere_shows_no_mails(site: Site, browser: Browser) -> None:
    site.gas.settings = site.gas.settings.model_copy(update={"local": False})
    assert browser.get("/mails").status_code == 404
    assert browser.get("/mails/x").status_code == 404
    assert "/mails" not in browser.get("/account").text
