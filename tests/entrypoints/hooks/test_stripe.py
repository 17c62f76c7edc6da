"""What Stripe tells us: believed when signed, applied once, in whatever order it comes."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest

from domain.context import acting
from domain.errors import WrongState
from entrypoints.app import create_app
from entrypoints.bootstrap import Gas
from entrypoints.local.stripe_objects import signature
from entrypoints.settings import Settings
from tests.entrypoints.paying import Cashier
from tests.entrypoints.running import Somebody, a_gas, kept_views, somebody
from tests.standins import WEBHOOK_SECRET, StripeStandIn, stripe

__all__ = ["stripe"]

BACK = {"paid_url": "http://127.0.0.1:1/plan?back=pay", "back_url": "http://127.0.0.1:1/plan"}


@pytest.fixture
def cashier(stripe: Callable[[], StripeStandIn]) -> Cashier:
    return Cashier(stripe())


@pytest.fixture
def gas(tmp_path: Path, cashier: Cashier) -> Iterator[Gas]:
    gas = a_gas(tmp_path / "gas", billing=cashier.billing())
    with kept_views(gas):
        yield gas


@pytest.fixture
def ada(gas: Gas) -> Somebody:
    return somebody(gas, "ada")


@pytest.fixture
def hook(gas: Gas) -> Callable[..., Any]:
    """Send one webhook."""
    client = create_app(gas).test_client()

    def send(body: bytes, signed: str) -> Any:
        return client.post("/hooks/stripe", data=body, headers={"Stripe-Signature": signed})

    return send


def begin(gas: Gas, who: Somebody) -> str:
    """Press “Upgrade”; the page to pay at."""
    with acting(f"user:{who.user}"):
        return gas.purchases.start(who.user, **BACK)


def history(gas: Gas, who: Somebody) -> list[str]:
    """What happened to the person's subscription, oldest first."""
    found = gas.service.subscription(who.user)
    if found is None:
        return []
    events = gas.feed.history(found.id, version=found.version)
    return [event["type"].removeprefix("subscription.") for event in events]


PAID = ["opened.v1", "checkout_started.v1", "upgraded.v1"]


def test_a_payment_makes_premium_when_its_webhook_comes(
    gas: Gas, ada: Somebody, cashier: Cashier, hook: Callable[..., Any]
) -> None:
    page = begin(gas, ada)
    assert cashier.pay(page) == BACK["paid_url"]
    assert gas.service.plan_of(ada.user).name == "free", "paying alone tells us nothing"
    for webhook in cashier.webhooks(3):
        assert hook(*webhook).status_code == 200
    assert gas.service.plan_of(ada.user).name == "premium"
    assert history(gas, ada) == PAID


def test_the_same_event_thrice_upgrades_once(
    gas: Gas, ada: Somebody, cashier: Cashier, hook: Callable[..., Any]
) -> None:
    cashier.pay(begin(gas, ada))
    first = cashier.webhooks(3)[0]
    assert [hook(*first).status_code for _ in range(3)] == [200, 200, 200]
    assert history(gas, ada) == PAID


def test_any_order_of_the_events_ends_in_what_is_true(
    gas: Gas, cashier: Cashier, hook: Callable[..., Any]
) -> None:
    for number, order in enumerate(permutations(range(3))):
        who = somebody(gas, f"user {number}")
        seen = len(cashier.stand.got)
        cashier.pay(begin(gas, who))
        webhooks = cashier.webhooks(seen + 3)[seen:]
        for index in order:
            assert hook(*webhooks[index]).status_code == 200
        assert history(gas, who) == PAID, order


def test_an_old_event_after_the_end_does_not_bring_premium_back(
    gas: Gas, ada: Somebody, cashier: Cashier, hook: Callable[..., Any]
) -> None:
    cashier.pay(begin(gas, ada))
    paid = cashier.webhooks(3)
    hook(*paid[0])
    cashier.portal(gas.purchases.manage(ada.user, return_url=BACK["back_url"]), "end")
    hook(*cashier.webhooks(4)[3])
    for late in (paid[1], paid[2], paid[0]):
        assert hook(*late).status_code == 200
    assert gas.service.plan_of(ada.user).name == "free"
    assert history(gas, ada) == [*PAID, "ended.v1"]


@pytest.mark.parametrize("first", ["webhook", "redirect"])
def test_webhook_and_coming_back_lead_to_one_upgrade_whichever_is_first(
    gas: Gas, ada: Somebody, cashier: Cashier, hook: Callable[..., Any], first: str
) -> None:
    cashier.pay(begin(gas, ada))
    told = [lambda: hook(*cashier.webhooks(3)[0]), lambda: gas.purchases.look(ada.user)]
    for tell in told if first == "webhook" else reversed(told):
        tell()
        assert gas.service.plan_of(ada.user).name == "premium"
    assert history(gas, ada) == PAID


def test_failing_payment_cancelling_and_the_end_are_heard(
    gas: Gas, ada: Somebody, cashier: Cashier, hook: Callable[..., Any]
) -> None:
    cashier.pay(begin(gas, ada))
    heard = 0
    for action, webhooks, event in (
        ("", 3, ""),
        ("fail", 2, "payment_failed.v1"),
        ("mend", 2, "resumed.v1"),
        ("end_later", 1, "cancel_scheduled.v1"),
        ("resume", 1, "resumed.v1"),
        ("end", 1, "ended.v1"),
    ):
        if action:
            cashier.portal(gas.purchases.manage(ada.user, return_url="http://127.0.0.1:1/"), action)
        for webhook in cashier.webhooks(heard + webhooks)[heard:]:
            assert hook(*webhook).status_code == 200
        heard += webhooks
        assert not event or history(gas, ada)[-1] == event, action
    assert history(gas, ada)[len(PAID) :] == [
        "payment_failed.v1",
        "resumed.v1",
        "cancel_scheduled.v1",
        "resumed.v1",
        "ended.v1",
    ]


def test_who_has_ended_can_buy_again_at_a_new_page(
    gas: Gas, ada: Somebody, cashier: Cashier, hook: Callable[..., Any]
) -> None:
    first = begin(gas, ada)
    cashier.pay(first)
    hook(*cashier.webhooks(3)[0])
    cashier.portal(gas.purchases.manage(ada.user, return_url=BACK["back_url"]), "end")
    hook(*cashier.webhooks(4)[3])
    second = begin(gas, ada)
    assert second != first
    assert begin(gas, ada) == second
    cashier.pay(second)
    hook(*cashier.webhooks(7)[4])
    assert gas.service.plan_of(ada.user).name == "premium"
    assert history(gas, ada) == [*PAID, "ended.v1", *PAID[1:]]


def test_pressing_again_after_paying_leads_to_no_second_payment(
    gas: Gas, ada: Somebody, cashier: Cashier
) -> None:
    """The webhook is still on its way: the provider is asked before anything is sold."""
    cashier.pay(begin(gas, ada))
    with pytest.raises(WrongState, match="already"):
        begin(gas, ada)
    assert gas.service.plan_of(ada.user).name == "premium"


def a_message(seconds_ago: int = 0, secret: str = WEBHOOK_SECRET) -> tuple[bytes, str]:
    """A webhook about a subscription that nobody has."""
    about = {"object": "subscription", "id": "sub_of_nobody"}
    event = {"id": "evt_1", "type": "x", "created": 1, "data": {"object": about}}
    body = json.dumps(event)
    return body.encode(), signature(body, secret, at=int(time.time()) - seconds_ago)


@pytest.mark.parametrize(
    ("body", "signed"),
    [
        a_message(secret="whsec_of_somebody_else"),
        a_message(secret=""),
        (a_message()[0], ""),
        (a_message()[0], "t=now,v1=x"),
        (a_message()[0] + b" ", a_message()[1]),
        (b"\xff\xfe", "t=1,v1=00"),
        (b"", ""),
        (a_message()[0], a_message()[1] + "\xe9"),
    ],
    ids=["forged", "no secret", "unsigned", "nonsense", "altered", "not text", "empty", "accent"],
)
def test_what_stripe_never_signed_is_refused(
    gas: Gas, hook: Callable[..., Any], body: bytes, signed: str
) -> None:
    before = gas.service.recorder.max_notification_id()
    answer = hook(body, signed)
    assert (answer.status_code, answer.json["code"]) == (400, "forged_webhook")
    assert gas.service.recorder.max_notification_id() == before


def test_a_stale_signature_is_refused(hook: Callable[..., Any]) -> None:
    assert hook(*a_message(seconds_ago=330)).status_code == 400
    assert hook(*a_message(seconds_ago=30)).status_code == 200


def test_without_a_secret_nobody_is_believed(tmp_path: Path) -> None:
    """An empty key would let everybody sign."""
    client = create_app(a_gas(tmp_path, settings={"stripe_key": "sk_test"})).test_client()
    body, _ = a_message()
    for key in ("", ","):
        headers = {"Stripe-Signature": signature(body.decode(), key)}
        assert client.post("/hooks/stripe", data=body, headers=headers).status_code == 400
    assert Settings(stripe_webhook_secret=" a, ,b ").stripe_webhook_secrets == ("a", "b")


def test_while_stripe_cannot_be_asked_it_is_to_send_again(
    tmp_path: Path, gas: Gas, ada: Somebody, cashier: Cashier
) -> None:
    from dataclasses import replace

    cashier.pay(begin(gas, ada))
    webhook = cashier.webhooks(3)[0]
    nowhere = replace(cashier.stand, url="http://127.0.0.1:9")
    away = a_gas(tmp_path / "gas", billing=Cashier(nowhere).billing())
    client = create_app(away).test_client()
    headers = {"Stripe-Signature": webhook[1]}
    answer = client.post("/hooks/stripe", data=webhook[0], headers=headers)
    assert answer.status_code == 503
    assert answer.get_json()["code"] == "billing_unavailable"
    assert gas.service.plan_of(ada.user).name == "free"


def test_a_body_without_end_is_refused(hook: Callable[..., Any]) -> None:
    assert hook(b"x" * 1_000_001, "t=1,v1=00").status_code == 413


def test_looking_at_the_address_does_nothing(gas: Gas) -> None:
    assert create_app(gas).test_client().get("/hooks/stripe").status_code == 405


def test_a_feed_has_the_persons_own_subscription_and_nobody_elses(
    gas: Gas, ada: Somebody, cashier: Cashier, hook: Callable[..., Any]
) -> None:
    bob = somebody(gas, "bob")
    cashier.pay(begin(gas, ada))
    hook(*cashier.webhooks(3)[0])
    found = gas.service.subscription(ada.user)
    assert found
    gas.feed.history(found.id, version=found.version)  # waits for the view

    def seen(who: Somebody) -> list[str]:
        page = gas.feed.read(gas.people.by_token(who.token), after=0, types=[], limit=100)
        return [event["type"] for event in page.events if event["type"].startswith("subscription")]

    assert seen(ada) == [f"subscription.{name}" for name in PAID]
    assert seen(bob) == []
