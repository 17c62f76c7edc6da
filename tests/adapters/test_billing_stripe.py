"""The real Stripe client against the loopback stand-in, over HTTP."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from adapters.billing_stripe import ForgedWebhook, StripeBilling
from domain.errors import NotFound
from domain.ports.billing import BillingEvent, BillingFailed, Checkout
from entrypoints.local.cloud import free_port
from entrypoints.local.stripe_objects import signature
from tests.signing_in import fetch
from tests.standins import STRIPE_KEY, WEBHOOK_SECRET, StripeStandIn

BACK = "http://127.0.0.1:8000/plan"
PAID = BACK + "?checkout={CHECKOUT_SESSION_ID}"


@pytest.fixture
def standin(stripe: Callable[[], StripeStandIn]) -> StripeStandIn:
    return stripe()


@pytest.fixture
def billing(standin: StripeStandIn) -> StripeBilling:
    return billing_at(standin.url)


def billing_at(url: str, key: str = STRIPE_KEY) -> StripeBilling:
    return StripeBilling(
        key, price="price_premium", webhook_secrets=(WEBHOOK_SECRET,), base_url=url, retries=0
    )


def customer(billing: StripeBilling, user: UUID) -> str:
    return billing.customer(user, name="Rosalind", email="r@example.org")


def checkout(billing: StripeBilling, user: UUID, key: str = "1") -> Checkout:
    return billing.start_checkout(
        user, customer(billing, user), success_url=PAID, cancel_url=BACK, key=key
    )


def events(billing: StripeBilling, standin: StripeStandIn, count: int) -> list[BillingEvent]:
    """The first webhooks that came, verified."""
    until = time.monotonic() + 10
    while len(standin.got) < count:
        assert time.monotonic() < until, f"only {len(standin.got)} webhooks came"
        time.sleep(0.02)
    return [billing.event(body, signed) for body, signed in standin.got[:count]]


def subscribe(billing: StripeBilling, standin: StripeStandIn, user: UUID) -> str:
    """Pay at the page; the id of the subscription."""
    fetch(checkout(billing, user).url, {})
    return events(billing, standin, 3)[0].subscription


def portal(billing: StripeBilling, user: UUID, subscription: str, action: str) -> None:
    url = billing.portal_url(customer(billing, user), return_url=BACK)
    assert fetch(url).status == 200
    assert fetch(url, {"subscription": subscription, "action": action}).status == 303


def test_a_user_pays_and_is_sent_back_and_the_webhooks_say_so(
    billing: StripeBilling, standin: StripeStandIn
) -> None:
    user = uuid4()
    opened = checkout(billing, user)
    assert opened.status == "open"
    assert opened.expires > datetime.now(UTC) + timedelta(hours=23)
    assert "Nothing is charged" in fetch(opened.url).body
    paid = fetch(opened.url, {})
    assert (paid.status, paid.query) == (303, {"checkout": opened.id})
    created, invoice, completed = events(billing, standin, 3)
    assert created.type == "customer.subscription.created"
    assert invoice.type == "invoice.paid"
    assert completed.type == "checkout.session.completed"
    assert len({each.subscription for each in (created, invoice, completed)}) == 1
    found = billing.subscription(created.subscription)
    assert (found.user, found.status, found.price) == (user, "active", "price_premium")
    assert found.period_end > datetime.now(UTC) + timedelta(days=29)
    assert found.customer == customer(billing, user)
    assert billing.subscriptions(found.customer) == [found]
    assert billing.checkout(opened.id).status == "complete"
    assert billing.checkout(opened.id).url == ""


def test_a_user_has_one_customer_however_often_asked(billing: StripeBilling) -> None:
    first, second = uuid4(), uuid4()
    assert customer(billing, first) == customer(billing, first)
    assert customer(billing, first) != customer(billing, second)


def test_two_tabs_get_the_same_checkout_and_pay_once(
    billing: StripeBilling, standin: StripeStandIn
) -> None:
    user = uuid4()
    one, two = checkout(billing, user), checkout(billing, user)
    assert one == two
    assert fetch(one.url, {}).status == 303
    assert fetch(two.url, {}).status == 409
    assert len(billing.subscriptions(customer(billing, user))) == 1
    assert checkout(billing, user, key="2").id != one.id


def test_going_back_without_paying_changes_nothing(billing: StripeBilling) -> None:
    user = uuid4()
    opened = checkout(billing, user)
    assert fetch(opened.url, {"cancel": "1"}).headers["Location"] == BACK
    assert billing.checkout(opened.id).status == "open"
    assert billing.subscriptions(customer(billing, user)) == []


def test_cancelling_resuming_and_failing_payments_are_told(
    billing: StripeBilling, standin: StripeStandIn
) -> None:
    user = uuid4()
    subscription = subscribe(billing, standin, user)
    portal(billing, user, subscription, "end_later")
    assert billing.subscription(subscription).cancel_at_period_end
    portal(billing, user, subscription, "resume")
    assert not billing.subscription(subscription).cancel_at_period_end
    portal(billing, user, subscription, "fail")
    assert billing.subscription(subscription).status == "past_due"
    portal(billing, user, subscription, "mend")
    portal(billing, user, subscription, "end")
    portal(billing, user, subscription, "end")
    assert billing.subscription(subscription).status == "canceled"
    told = events(billing, standin, 10)[3:]
    assert [each.type for each in told] == [
        "customer.subscription.updated",
        "customer.subscription.updated",
        "customer.subscription.updated",
        "invoice.payment_failed",
        "customer.subscription.updated",
        "invoice.paid",
        "customer.subscription.deleted",
    ]
    assert {each.subscription for each in told} == {subscription}


def test_somebody_elses_subscription_cannot_be_touched_at_the_portal(
    billing: StripeBilling, standin: StripeStandIn
) -> None:
    subscription = subscribe(billing, standin, uuid4())
    url = billing.portal_url(customer(billing, uuid4()), return_url=BACK)
    assert fetch(url, {"subscription": subscription, "action": "end"}).status == 404
    assert billing.subscription(subscription).status == "active"


def test_erasing_a_customer_ends_what_they_pay_for(
    billing: StripeBilling, standin: StripeStandIn
) -> None:
    user = uuid4()
    subscription = subscribe(billing, standin, user)
    billing.forget_customer(customer(billing, user))
    billing.forget_customer(customer(billing, user))
    assert billing.subscription(subscription).status == "canceled"
    assert events(billing, standin, 4)[3].type == "customer.subscription.deleted"


def test_cancelling_at_once_is_at_once(billing: StripeBilling, standin: StripeStandIn) -> None:
    subscription = subscribe(billing, standin, uuid4())
    assert billing.cancel_now(subscription).status == "canceled"


def test_a_webhook_that_was_not_taken_comes_again(
    billing: StripeBilling, standin: StripeStandIn
) -> None:
    standin.answers.extend([500, 503])
    fetch(checkout(billing, uuid4()).url, {})
    came = [each.id for each in events(billing, standin, 5)]
    assert len(set(came)) == 3


def test_everything_outlives_a_restart(stripe: Callable[[], StripeStandIn]) -> None:
    first, user = stripe(), uuid4()
    subscription = subscribe(billing_at(first.url), first, user)
    second = billing_at(stripe().url)
    assert second.subscription(subscription).user == user
    assert second.subscriptions(customer(second, user))[0].id == subscription


# --- what is not Stripe's ------------------------------------------------------------------------


def test_a_webhook_signed_by_nobody_or_long_ago_is_refused(billing: StripeBilling) -> None:
    body = json.dumps(
        {"id": "evt_1", "type": "x", "created": 1, "data": {"object": {"object": "invoice"}}}
    )
    good = signature(body, WEBHOOK_SECRET)
    assert billing.event(body.encode(), good).id == "evt_1"
    old = signature(body, WEBHOOK_SECRET, at=int(time.time()) - 301)
    for forged in ("", "nonsense", "t=1,v1=00", signature(body, "another secret"), old):
        with pytest.raises(ForgedWebhook):
            billing.event(body.encode(), forged)
    with pytest.raises(ForgedWebhook):
        billing.event(body.encode() + b" ", good)
    with pytest.raises(ForgedWebhook):
        billing.event(b"\xff", good)


def test_while_a_secret_is_rotated_both_are_good(standin: StripeStandIn) -> None:
    billing = StripeBilling(
        STRIPE_KEY, price="p", webhook_secrets=("new", "old"), base_url=standin.url
    )
    body = json.dumps({"id": "e", "type": "x", "created": 1, "data": {"object": {}}})
    for secret in ("new", "old"):
        assert billing.event(body.encode(), signature(body, secret)).subscription == ""


def test_another_key_is_refused_in_words(standin: StripeStandIn) -> None:
    with pytest.raises(BillingFailed, match="does not accept our key") as failed:
        customer(billing_at(standin.url, key="sk_test_wrong"), uuid4())
    assert not failed.value.retryable


def test_an_unknown_id_is_not_found(billing: StripeBilling) -> None:
    with pytest.raises(NotFound):
        billing.subscription("sub_none")
    with pytest.raises(NotFound):
        billing.checkout("cs_none")


def test_stripe_being_away_may_be_tried_again() -> None:
    with pytest.raises(BillingFailed, match="cannot be reached") as failed:
        customer(billing_at(f"http://127.0.0.1:{free_port()}"), uuid4())
    assert failed.value.retryable
