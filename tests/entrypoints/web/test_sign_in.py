"""Signing in and out: nobody is signed in by somebody else, and nothing readable is kept."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import pytest

from domain.ports import Identity
from tests.cloud import ORIGIN
from tests.entrypoints.web.conftest import Browser, Site

COOKIE = "gas_session_8000"


def test_a_stranger_is_sent_to_sign_in_and_back_to_the_page_they_wanted(stranger: Browser) -> None:
    asked = stranger.get("/jobs?status=failed")
    assert asked.status_code == 302
    page = urlsplit(asked.location)
    assert page.path == "/sign-in"
    wanted = parse_qs(page.query)["next"][0]
    assert stranger.sign_in(wanted).location == "/jobs?status=failed"


def test_signing_in_leads_to_my_jobs(stranger: Browser) -> None:
    answer = stranger.sign_in()
    assert (answer.status_code, answer.location) == (303, "/jobs")
    assert "No jobs yet." in stranger.get("/jobs").text


@pytest.mark.parametrize(
    "evil",
    [
        "https://evil.example/",
        "//evil.example/",
        "/\\evil.example",
        "\\\\evil.example",
        "javascript:alert(1)",
        "/\t/evil.example",
        "http:///evil.example",
        "/%0d%0aSet-Cookie:x=1\r\n",
        "evil.example",
    ],
)
def test_signing_in_never_leads_to_another_site(stranger: Browser, evil: str) -> None:
    assert stranger.sign_in(evil).location == "/jobs"


def test_a_sign_in_without_our_state_is_refused(stranger: Browser) -> None:
    there = stranger.get("/sign-in/globus").location
    back = stranger.provider.approve(there).replace("state=", "state=x")
    answer = stranger.get(back)
    assert answer.status_code == 400
    assert "started elsewhere" in answer.text
    assert stranger.get("/jobs").status_code == 302


def test_a_sign_in_started_in_another_browser_is_refused(site: Site, stranger: Browser) -> None:
    there = site.browser().get("/sign-in/globus").location
    assert stranger.get(stranger.provider.approve(there)).status_code == 400


def test_a_sign_in_whose_nonce_is_not_ours_is_refused(stranger: Browser) -> None:
    there = stranger.get("/sign-in/globus").location
    back = stranger.provider.approve(there)
    code = parse_qs(urlsplit(back).query)["code"][0]
    stranger.provider.nonces[code] = "another"
    answer = stranger.get(back)
    assert answer.status_code == 400
    assert "Start again" in answer.text


def test_a_sign_in_that_was_declined_says_what_to_do(stranger: Browser) -> None:
    there = stranger.get("/sign-in/globus").location
    state = parse_qs(urlsplit(there).query)["state"][0]
    answer = stranger.get(f"/sign-in/callback?error=access_denied&state={state}")
    assert answer.status_code == 400
    assert "Start again" in answer.text


def test_a_code_signs_in_once(stranger: Browser) -> None:
    there = stranger.get("/sign-in/globus").location
    back = stranger.provider.approve(there)
    assert stranger.get(back).status_code == 303
    assert stranger.get(back).status_code == 400


def test_the_cookie_holds_a_random_secret_and_scripts_cannot_read_it(stranger: Browser) -> None:
    answer = stranger.sign_in()
    [cookie] = [c for c in answer.headers.getlist("Set-Cookie") if c.startswith(COOKIE)]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    everything = " ".join(answer.headers.getlist("Set-Cookie"))
    for private in ("access-1", "Ada", "sub-1", "ada@"):
        assert private not in everything


def test_the_session_secret_is_printed_into_no_page(browser: Browser) -> None:
    secret = browser.client.get_cookie(COOKIE, domain="127.0.0.1")
    assert secret
    for path in ("/", "/new", "/jobs", "/account", "/signed-out", "/nowhere"):
        assert secret.value not in browser.get(path).text, path


def test_roles_are_read_at_every_request_and_never_kept_in_the_cookie(
    site: Site, browser: Browser
) -> None:
    from domain.context import acting

    secret = browser.client.get_cookie(COOKIE, domain="127.0.0.1")
    assert secret
    user = site.gas.people.by_session(secret.value).user
    assert "audit:read" not in browser.get("/account").text
    with acting("system:test"):
        site.gas.service.grant_role(user, "auditor")
    assert "audit:read" in browser.get("/account").text


def test_signing_out_ends_the_session_and_revokes_the_providers_token(browser: Browser) -> None:
    secret = browser.client.get_cookie(COOKIE, domain="127.0.0.1")
    assert secret
    answer = browser.send("/sign-out")
    assert answer.location == "/signed-out"
    assert browser.provider.revoked == ["access-1"]
    browser.client.set_cookie(COOKIE, secret.value, domain="127.0.0.1")
    assert browser.get("/jobs").status_code == 302


def test_signing_in_again_ends_the_session_that_the_browser_brought(
    site: Site, browser: Browser
) -> None:
    before = browser.client.get_cookie(COOKIE, domain="127.0.0.1")
    assert before
    user = site.gas.people.by_session(before.value).user
    site.provider.person = replace(site.provider.person, access_token="access-2")
    assert browser.sign_in().status_code == 303
    after = browser.client.get_cookie(COOKIE, domain="127.0.0.1")
    assert after
    assert after.value != before.value
    assert [s["id"] for s in site.gas.people.sessions(user)] == [
        site.gas.people.session_id(after.value)
    ]
    assert site.provider.revoked == ["access-1"]
    browser.client.set_cookie(COOKIE, before.value, domain="127.0.0.1")
    assert browser.get("/jobs").status_code == 302


def test_somebody_elses_session_in_the_same_browser_ends_too(site: Site, browser: Browser) -> None:
    before = browser.client.get_cookie(COOKIE, domain="127.0.0.1")
    assert before
    ada = site.gas.people.by_session(before.value).user
    site.provider.person = Identity("sub-2", "Eve Example", "eve@example.org", "", "access-2")
    browser.sign_in()
    assert site.gas.people.sessions(ada) == []
    assert browser.get("/jobs").status_code == 200


def test_a_sign_in_that_fails_leaves_the_session_as_it_was(browser: Browser) -> None:
    there = browser.get("/sign-in/globus").location
    back = browser.provider.approve(there).replace("state=", "state=x")
    assert browser.get(back).status_code == 400
    assert browser.get("/jobs").status_code == 200


def test_a_token_that_the_provider_gave_again_is_not_revoked(site: Site, browser: Browser) -> None:
    browser.sign_in()
    assert site.provider.revoked == []


def test_the_providers_token_lies_nowhere_in_clear(site: Site, browser: Browser) -> None:
    site.provider.person = replace(site.provider.person, access_token="a-token-of-the-provider")
    browser.sign_in()
    kept = b"".join(path.read_bytes() for path in site.gas.settings.data_dir.glob("gas.db*"))
    assert b"session_key" in kept
    assert b"a-token-of-the-provider" not in kept
    browser.send("/sign-out")
    assert site.provider.revoked[-1] == "a-token-of-the-provider"


def test_signing_out_works_while_the_provider_is_down(browser: Browser) -> None:
    browser.provider.down = True
    assert browser.send("/sign-out").status_code == 303
    assert browser.get("/jobs").status_code == 302


def test_signing_out_by_a_link_is_not_possible(browser: Browser) -> None:
    assert browser.get("/sign-out").status_code == 405
    assert browser.get("/jobs").status_code == 200


def test_a_form_sent_after_the_session_ended_leads_to_sign_in(browser: Browser) -> None:
    form = browser.get("/new").text
    from tests.entrypoints.web.conftest import hidden

    browser.client.delete_cookie(COOKIE, domain="127.0.0.1")
    answer = browser.client.post(
        "/jobs", base_url=ORIGIN, data={"csrf_token": hidden(form, "csrf_token")}
    )
    assert (answer.status_code, answer.location) == (303, "/sign-in")
    assert "Your session has ended" in browser.get("/sign-in").text
