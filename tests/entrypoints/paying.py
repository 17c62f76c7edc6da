"""Paying at the loopback Stripe, as a person and as Stripe's webhooks do it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from adapters.billing_stripe import StripeBilling
from domain.context import acting
from domain.ports.billing import Billing, PaidSubscription
from entrypoints.bootstrap import Gas
from tests.signing_in import fetch
from tests.standins import STRIPE_KEY, WEBHOOK_SECRET, StripeStandIn

PRICE = "price_premium"
Webhook = tuple[bytes, str]


@dataclass
class Cashier:
    """The stand-in with what a customer does there; its webhooks are handed on by the test."""

    stand: StripeStandIn

    def billing(self) -> Billing:
        return StripeBilling(
            STRIPE_KEY,
            price=PRICE,
            webhook_secrets=(WEBHOOK_SECRET,),
            base_url=self.stand.url,
            retries=0,
        )

    def pay(self, page: str) -> str:
        """Press “Pay” on the page to pay at; where it leads."""
        return _press(page, {})

    def portal(self, page: str, action: str) -> None:
        """Do something to the newest subscription in the portal."""
        customer = self.stand.stand.desk.get("billing_portal.session", page.rsplit("/", 1)[1])
        newest = self.stand.stand.desk.subscriptions(customer["customer"])[0]
        _press(page, {"subscription": newest["id"], "action": action})

    def webhooks(self, count: int) -> list[Webhook]:
        """Wait for so many webhooks in all; all that came."""
        wait_until(lambda: len(self.stand.got) >= count)
        return list(self.stand.got)


def _press(page: str, form: dict[str, str]) -> str:
    answer = fetch(page, form)
    assert answer.status == 303, answer.body
    return str(answer.headers["Location"])


def wait_until(holds: Callable[[], bool], seconds: float = 30.0) -> None:
    """Wait for a fact."""
    give_up = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < give_up, "it did not come to be"
        time.sleep(0.02)


def provider_says(
    gas: Gas,
    user: UUID,
    status: str = "active",
    *,
    ends: datetime | None = None,
    message: str = "",
) -> None:
    """The service learns how a person's subscription is, without a provider that says so."""
    found = PaidSubscription(
        id="sub_1",
        customer="cus_1",
        user=user,
        status=status,
        price=PRICE,
        period_end=ends or gas.clock() + timedelta(days=30),
        cancel_at_period_end=ends is not None,
    )
    with acting("system:billing"):
        gas.service.apply_billing(user, message=message or uuid4().hex, ask=lambda: found)
