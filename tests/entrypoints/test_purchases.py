"""What a person is entitled to follows from subscriptions that are theirs, and from no other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from stripe import StripeClient

from domain.context import acting
from domain.ports.billing import Billing, PaidSubscription
from domain.subscription import Subscription
from entrypoints.bootstrap import Gas
from tests.entrypoints.paying import Cashier
from tests.entrypoints.running import Somebody, a_gas, kept_views, somebody
from tests.standins import STRIPE_KEY, StripeStandIn, stripe

__all__ = ["stripe"]

PAID_URL, BACK_URL = "http://127.0.0.1:1/plan?back=pay", "http://127.0.0.1:1/plan"


@dataclass
class Till:
    """Sells subscriptions past our own pages, and hears what Stripe tells of them."""

    gas: Gas
    cashier: Cashier
    heard: int = 0

    @property
    def billing(self) -> Billing:
        return self.gas.billing

    def upgrade(self, who: Somebody) -> Subscription:
        """Pay on the usual way."""
        with acting(f"user:{who.user}"):
            page = self.gas.purchases.start(who.user, paid_url=PAID_URL, back_url=BACK_URL)
        self.cashier.pay(page)
        self.hear(3)
        return self.subscription(who)

    def sell(self, user: UUID, customer: str) -> str:
        """Another subscription of a user, of whichever customer; its id."""
        urls = {"success_url": PAID_URL, "cancel_url": BACK_URL}
        self.cashier.pay(self.billing.start_checkout(user, customer, **urls, key="by hand").url)
        return self.billing.subscriptions(customer)[0].id

    def sell_another_product(self, customer: str, metadata: dict[str, str]) -> str:
        client = StripeClient(STRIPE_KEY, base_addresses={"api": self.cashier.stand.url})
        session = client.v1.checkout.sessions.create(
            {
                "mode": "subscription",
                "customer": customer,
                "line_items": [{"price": "price_newsletter", "quantity": 1}],
                "subscription_data": {"metadata": metadata},
                "success_url": PAID_URL,
                "cancel_url": BACK_URL,
            }
        )
        self.cashier.pay(str(session.url))
        return self.billing.subscriptions(customer)[0].id

    def hear(self, count: int) -> None:
        """So many more webhooks."""
        for body, signed in self.cashier.webhooks(self.heard + count)[self.heard :]:
            self.gas.purchases.hear(body, signed)
            self.heard += 1

    def subscription(self, who: Somebody) -> Subscription:
        found = self.gas.service.subscription(who.user)
        assert found
        return found


@pytest.fixture
def till(tmp_path: Path, stripe: Callable[[], StripeStandIn]) -> Iterator[Till]:
    cashier = Cashier(stripe())
    gas = a_gas(tmp_path / "gas", billing=cashier.billing())
    with kept_views(gas):
        yield Till(gas, cashier)


@pytest.fixture
def ada(till: Till) -> Somebody:
    return somebody(till.gas, "ada")


def test_a_dead_subscription_of_a_second_customer_ends_no_paid_one(
    till: Till, ada: Somebody
) -> None:
    paying = till.upgrade(ada).subscription
    second = till.billing.customer(ada.user, name="Ada by hand", email="by-hand@example.org")
    till.billing.cancel_now(till.sell(ada.user, second))
    till.hear(4)
    found = till.subscription(ada)
    assert (found.paid, found.subscription) == (True, paying)


def test_every_customer_somebody_ever_was_is_asked_about(till: Till, ada: Somebody) -> None:
    first = till.upgrade(ada)
    second = till.billing.customer(ada.user, name="Ada by hand", email="by-hand@example.org")
    newest = till.sell(ada.user, second)
    till.billing.cancel_now(first.subscription)
    till.hear(4)
    assert till.subscription(ada).subscription == newest
    again = till.sell(ada.user, first.customer)
    till.billing.cancel_now(newest)
    looked = till.gas.purchases.look(ada.user)
    assert looked
    assert (looked.paid, looked.subscription) == (True, again)


@pytest.mark.parametrize("metadata", [{}, {"gas_user": "not-a-uuid"}, {"gas_user": ""}])
def test_another_product_of_the_same_account_does_not_pay(
    till: Till, ada: Somebody, metadata: dict[str, str]
) -> None:
    found = till.upgrade(ada)
    till.sell_another_product(found.customer, metadata)
    till.hear(3)
    assert till.subscription(ada).subscription == found.subscription
    till.billing.cancel_now(found.subscription)
    till.hear(1)
    assert not till.subscription(ada).paid


def test_a_subscription_without_items_is_of_another_product(till: Till, ada: Somebody) -> None:
    found = till.upgrade(ada)
    odd = till.sell_another_product(found.customer, {"gas_user": str(ada.user)})
    desk = till.cashier.stand.stand.desk
    row = desk.get("subscription", odd)
    desk._keep(row | {"items": row["items"] | {"data": []}})
    assert till.billing.subscription(odd).user is None
    till.hear(3)
    till.billing.cancel_now(found.subscription)
    till.hear(1)
    assert not till.subscription(ada).paid


def test_another_users_subscription_does_not_pay(till: Till, ada: Somebody) -> None:
    bob = somebody(till.gas, "bob")
    customer = till.upgrade(ada).customer
    till.billing.cancel_now(till.sell(bob.user, customer))
    till.hear(4)
    assert not till.gas.service.standing_of(bob.user).paid
    assert till.gas.service.standing_of(ada.user).paid


class Overtaken:
    """A provider that, when asked for the first time, answers only after something happened."""

    def __init__(self, billing: Billing, meanwhile: Callable[[], None]) -> None:
        self._billing = billing
        self._meanwhile = [meanwhile]

    def __getattr__(self, name: str) -> Any:
        return getattr(self._billing, name)

    def subscriptions(self, customer: str) -> list[PaidSubscription]:
        if self._meanwhile:
            self._meanwhile.pop()()
        return self._billing.subscriptions(customer)


def test_of_two_looks_at_once_the_newer_word_stays(till: Till, ada: Somebody) -> None:
    till.upgrade(ada)
    portal = till.gas.purchases.manage(ada.user, return_url=BACK_URL)
    till.cashier.portal(portal, "fail")

    def meanwhile() -> None:
        till.gas.purchases.look(ada.user)
        assert till.subscription(ada).overdue_until
        till.cashier.portal(portal, "end")

    slow: Any = Overtaken(till.billing, meanwhile)
    looked = replace(till.gas.purchases, billing=slow).look(ada.user)
    assert looked
    assert not looked.paid


def test_a_changed_name_is_no_outage(till: Till, ada: Somebody) -> None:
    """Stripe refuses an idempotency key that comes again with other parameters."""
    first = till.billing.customer(ada.user, name="Ada", email="ada@example.org")
    assert till.billing.customer(ada.user, name="Ada", email="ada@example.org") == first
    till.billing.customer(ada.user, name="Ada Lovelace", email="ada@example.org")
    urls = {"success_url": PAID_URL, "cancel_url": BACK_URL}
    page = till.billing.start_checkout(ada.user, first, **urls, key="1")
    assert till.billing.start_checkout(ada.user, first, **urls, key="1") == page
    urls["cancel_url"] += "?from=elsewhere"
    assert till.billing.start_checkout(ada.user, first, **urls, key="1").id != page.id


def test_who_is_a_customer_stays_that_one(till: Till, ada: Somebody) -> None:
    first = till.upgrade(ada)
    till.billing.cancel_now(first.subscription)
    till.hear(1)
    assert till.upgrade(ada).customer == first.customer
