"""The plan: what it allows, buying Premium, and what becomes of it."""

from __future__ import annotations

import json
import re
from base64 import b64decode
from datetime import timedelta
from urllib.parse import urlsplit
from uuid import UUID

import pytest

from domain.plans import Policy
from entrypoints.web.formats import moment
from entrypoints.web.plan import MOST_LOOKS
from tests.entrypoints.paying import Cashier, provider_says
from tests.entrypoints.web.conftest import Browser, Site
from tests.entrypoints.web.paid_pages import cashier, settings, stripe

__all__ = ["cashier", "settings", "stripe"]


@pytest.fixture
def ada(site: Site, browser: Browser) -> UUID:
    return site.gas.people.by_session(session_of(site, browser)).user


def session_of(site: Site, browser: Browser) -> str:
    name = f"gas_session_{site.gas.settings.port}"
    cookie = browser.client.get_cookie(name, domain="127.0.0.1")
    assert cookie
    return cookie.value


def to_pay(browser: Browser) -> str:
    """Press “Upgrade to Premium”; where it leads."""
    answer = browser.send("/plan/upgrade", seen_on="/plan")
    assert answer.status_code == 303
    return answer.location


def events(site: Site) -> int:
    return site.gas.service.recorder.max_notification_id() or 0


def test_a_free_person_reads_what_the_plans_allow_and_can_upgrade(browser: Browser) -> None:
    page = browser.get("/plan").text
    for shown in ("Free", "Premium", "150", "5", "30", "Upgrade to Premium", "your plan"):
        assert shown in page
    assert "Manage payment" not in page.split("<h2", 1)[0].replace("“Manage payment”", "")


def test_while_a_payment_may_be_on_its_way_no_second_one_is_offered(
    browser: Browser, cashier: Cashier
) -> None:
    to_pay(browser)
    waiting = browser.get("/plan?back=pay").text
    assert "Waiting for your payment" in waiting
    assert "/plan/upgrade" not in waiting
    assert "/plan/upgrade" in browser.get("/plan").text


def test_looking_changes_nothing(site: Site, browser: Browser) -> None:
    browser.get("/plan")
    before = events(site)
    for path in ("/plan", "/plan?back=pay", "/plan?back=portal", "/plan?back=nonsense"):
        assert browser.get(path).status_code == 200
    for path in ("/plan/upgrade", "/plan/manage", "/plan/look"):
        assert browser.get(path).status_code == 405
    assert events(site) == before


def test_without_the_forms_token_nobody_is_sent_to_pay(site: Site, browser: Browser) -> None:
    before = events(site)
    assert browser.client.post("/plan/upgrade", base_url="http://127.0.0.1:8000").status_code == 400
    assert events(site) == before


def test_pressing_twice_and_from_two_tabs_leads_to_the_same_page_to_pay(
    site: Site, browser: Browser, cashier: Cashier
) -> None:
    first = to_pay(browser)
    assert first.startswith(cashier.stand.url + "/pay/")
    other = site.browser()
    other.sign_in()
    assert {to_pay(browser), to_pay(browser), to_pay(other)} == {first}


def test_the_page_to_pay_at_may_follow_our_form(browser: Browser, cashier: Cashier) -> None:
    policy = browser.get("/plan").headers["Content-Security-Policy"]
    forms = next(part for part in policy.split("; ") if part.startswith("form-action"))
    parts = urlsplit(to_pay(browser))
    assert f"{parts.scheme}://{parts.netloc}" in forms.split()


def test_who_comes_back_before_the_word_of_the_provider_waits_for_it(
    site: Site, browser: Browser, cashier: Cashier
) -> None:
    back = urlsplit(cashier.pay(to_pay(browser)))
    assert f"{back.path}?{back.query}" == "/plan?back=pay"
    page = browser.get("/plan?back=pay").text
    assert "Waiting for your payment" in page
    assert 'hx-trigger="load, every 3s"' in page
    answer = browser.send(
        "/plan/look", {"back": "pay", "looks": "0"}, seen_on="/plan", headers={"HX-Request": "true"}
    )
    assert "Thank you: Premium is yours" in answer.text
    assert "hx-post" not in answer.text
    assert "<html" not in answer.text


def test_without_scripts_a_button_asks(browser: Browser, cashier: Cashier) -> None:
    cashier.pay(to_pay(browser))
    answer = browser.send("/plan/look", {"back": "pay"}, seen_on="/plan?back=pay")
    assert (answer.status_code, answer.location) == (303, "/plan?back=pay")
    assert "Thank you" in browser.get(answer.location).text


def test_when_the_word_came_first_there_is_nothing_to_wait_for(
    site: Site, browser: Browser, cashier: Cashier
) -> None:
    cashier.pay(to_pay(browser))
    for body, signed in cashier.webhooks(3):
        site.gas.purchases.hear(body, signed)
    page = browser.get("/plan?back=pay").text
    assert "Thank you" in page
    assert "hx-post" not in page


def test_waiting_ends_some_time_and_says_that_nothing_is_lost(browser: Browser) -> None:
    to_pay(browser)
    form = {"back": "pay", "looks": str(MOST_LOOKS - 2)}
    headers = {"HX-Request": "true"}
    assert "hx-post" in browser.send("/plan/look", form, seen_on="/plan", headers=headers).text
    form["looks"] = str(MOST_LOOKS - 1)
    last = browser.send("/plan/look", form, seen_on="/plan", headers=headers).text
    assert "hx-post" not in last
    assert "nothing is lost" in last


def test_who_pays_already_is_not_sold_it_twice(
    site: Site, browser: Browser, cashier: Cashier
) -> None:
    cashier.pay(to_pay(browser))
    assert to_pay(browser) == "/plan"
    page = browser.get("/plan").text
    assert "You have a Premium subscription already" in page
    assert "Upgrade to Premium" not in page


def test_after_cancelling_in_the_portal_the_page_says_when_results_are_archived_again(
    site: Site, browser: Browser, ada: UUID, cashier: Cashier
) -> None:
    cashier.pay(to_pay(browser))
    browser.send("/plan/look", {"back": "pay"}, seen_on="/plan")
    portal = browser.send("/plan/manage", seen_on="/plan")
    assert portal.status_code == 303
    cashier.portal(portal.location, "end_later")
    asking = browser.get("/plan?back=portal").text
    assert 'hx-trigger="load"' in asking
    page = browser.send(
        "/plan/look",
        {"back": "portal", "looks": "0"},
        seen_on="/plan",
        headers={"HX-Request": "true"},
    ).text
    subscription = site.gas.service.subscription(ada)
    assert subscription
    assert subscription.cancel_at
    assert f"Premium ends {moment(subscription.cancel_at)}" in page
    assert moment(subscription.cancel_at + site.gas.policy.grace) in page
    assert 'hx-trigger="load"' not in page


def test_a_failed_payment_says_until_when_and_what_helps(
    site: Site, browser: Browser, ada: UUID
) -> None:
    provider_says(site.gas, ada)
    provider_says(site.gas, ada, "past_due")
    found = site.gas.service.subscription(ada)
    assert found
    assert found.overdue_until
    page = browser.get("/plan").text
    assert "The last payment failed" in page
    assert moment(found.overdue_until) in page
    assert moment(found.overdue_until + site.gas.policy.grace) in page
    later = found.overdue_until + timedelta(seconds=1)
    site.gas.__dict__["clock"] = site.gas.service.clock = lambda: later
    del site.gas.__dict__["people"]  # is made anew, with that clock
    browser.sign_in()
    page = browser.get("/plan").text
    assert "Premium has stopped" in page
    assert "<strong>Free</strong> plan" in page


def test_after_the_end_it_can_be_bought_again(site: Site, browser: Browser, ada: UUID) -> None:
    provider_says(site.gas, ada)
    provider_says(site.gas, ada, "canceled")
    found = site.gas.service.subscription(ada)
    assert found
    assert found.ended_at
    page = browser.get("/plan").text
    assert f"Premium ended {moment(found.ended_at)}" in page
    assert f"until <strong>{moment(found.ended_at + site.gas.policy.grace)}</strong>" in page
    assert "Upgrade to Premium" in page
    site.gas.__dict__["policy"] = Policy(grace=timedelta(0))
    assert (
        f"archived again from <strong>{moment(found.ended_at)}</strong> on"
        in browser.get("/plan").text
    )
    assert "Manage payment" in page


def test_while_the_provider_is_away_a_sentence_says_that_nothing_was_charged(
    site: Site, browser: Browser, cashier: Cashier
) -> None:
    from adapters.billing_stripe import StripeBilling

    site.gas.__dict__["billing"] = StripeBilling(
        "k", price="p", webhook_secrets=(), base_url="http://127.0.0.1:9", retries=0
    )
    answer = browser.send("/plan/upgrade", seen_on="/plan")
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "60"
    assert "Nothing was charged" in answer.text


def test_what_a_stranger_sees_is_the_sign_in_page(stranger: Browser) -> None:
    assert stranger.get("/plan").location.startswith("/sign-in")


def limit_of_form(browser: Browser) -> int:
    """What the store itself enforces: the signed policy of an upload's form."""
    answer = browser.send("/new/upload", {"filename": "a.vcf"}, seen_on="/new")
    fields = answer.get_json()["form"]["fields"]
    policy = json.loads(b64decode(fields["policy"]))
    ranges = [c for c in policy["conditions"] if "content-length-range" in c]
    return int(ranges[0][2])


def test_the_signed_form_allows_150_kb_and_right_after_upgrading_5_gb(
    site: Site, browser: Browser, cashier: Cashier
) -> None:
    assert limit_of_form(browser) == 153_600
    assert 'data-max-bytes="153600"' in browser.get("/new").text
    cashier.pay(to_pay(browser))
    browser.send("/plan/look", {"back": "pay"}, seen_on="/plan")
    assert limit_of_form(browser) == 5 * 2**30
    assert 'data-max-bytes="5368709120"' in browser.get("/new").text
    assert "up to 5 GB (5,368,709,120 bytes)." in browser.get("/new").text
    assert re.search(r"Premium plan: files up to <?", browser.get("/new").text)
