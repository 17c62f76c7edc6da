"""Account: tokens are shown once, sessions can be ended, use stands beside the limit."""

from __future__ import annotations

import re

import pytest

from entrypoints.people import NotSignedIn
from tests.entrypoints.web.conftest import Browser, Site

SCOPES = ["jobs:read", "jobs:write"]


def create(browser: Browser, name: str = "laptop") -> str:
    answer = browser.send("/account/tokens", {"name": name, "scope": SCOPES}, seen_on="/account")
    found = re.search(r"gas_[\w-]{20,}", answer.text)
    assert found
    return found[0]


def test_the_account_shows_who_one_is_and_what_is_used(browser: Browser, example: str) -> None:
    browser.submit(example)
    page = browser.get("/account").text
    for shown in ("Ada Example", "ada@example.org", "Lab", "1 of 10 jobs", "1 of 100 jobs"):
        assert shown in page


def test_a_token_is_shown_once_and_works_until_it_is_revoked(site: Site, browser: Browser) -> None:
    secret = create(browser)
    assert site.gas.people.by_token(secret).scopes == set(SCOPES)
    page = browser.get("/account").text
    assert secret not in page
    assert "laptop" in page
    revoke = re.search(r"/account/tokens/\w+/revoke", page)
    assert revoke
    browser.send(revoke[0], seen_on="/account")
    with pytest.raises(NotSignedIn):
        site.gas.people.by_token(secret)


def test_a_token_without_a_name_or_a_scope_is_refused_and_the_form_kept(browser: Browser) -> None:
    answer = browser.send("/account/tokens", {"name": "pipeline"}, seen_on="/account")
    assert answer.status_code == 422
    assert "at least one thing" in answer.text
    assert 'value="pipeline"' in answer.text


def test_nobody_gives_a_token_more_than_they_may(site: Site, browser: Browser) -> None:
    form = {"name": "greedy", "scope": ["audit:read", "jobs:read", "everything"]}
    answer = browser.send("/account/tokens", form, seen_on="/account")
    found = re.search(r"gas_[\w-]{20,}", answer.text)
    assert found
    assert site.gas.people.by_token(found[0]).scopes == {"jobs:read"}


def test_nobody_revokes_another_persons_token(site: Site, browser: Browser, rival: Browser) -> None:
    secret = create(browser)
    revoke = re.search(r"/account/tokens/\w+/revoke", browser.get("/account").text)
    assert revoke
    assert rival.send(revoke[0], seen_on="/account").status_code == 404
    assert site.gas.people.by_token(secret)


def test_another_session_can_be_signed_out_from_here(site: Site, browser: Browser) -> None:
    other = site.browser()
    other.sign_in()
    ends = re.findall(r"/account/sessions/\w+/end", browser.get("/account").text)
    assert len(ends) == 1
    browser.send(ends[0], seen_on="/account")
    assert other.get("/jobs").status_code == 302
    assert browser.get("/jobs").status_code == 200
    assert browser.provider.revoked == ["access-1"]
    assert browser.send(ends[0], seen_on="/account").status_code == 404


def test_ones_own_session_is_ended_by_signing_out(site: Site, browser: Browser) -> None:
    cookie = browser.client.get_cookie("gas_session_8000", domain="127.0.0.1")
    assert cookie
    mine = site.gas.people.session_id(cookie.value)
    assert browser.send(f"/account/sessions/{mine}/end", seen_on="/account").status_code == 400


def test_nobody_ends_another_persons_session(site: Site, browser: Browser, rival: Browser) -> None:
    cookie = browser.client.get_cookie("gas_session_8000", domain="127.0.0.1")
    assert cookie
    theirs = site.gas.people.session_id(cookie.value)
    assert rival.send(f"/account/sessions/{theirs}/end", seen_on="/account").status_code == 404
    assert browser.get("/jobs").status_code == 200
