"""One person's subscription: what the payment provider said of it, as events.

The provider's word is asked for again each time it says that something changed, so messages that
come twice or out of order lead to the same state.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

from eventsourcing.domain import Aggregate, event

from domain.plans import CANCEL_SLACK, OVERDUE, PAID
from domain.ports.billing import Checkout, PaidSubscription
from domain.stamped import Stamped


def subscription_id_of(user: UUID) -> UUID:
    """A user has one, so its id follows from theirs."""
    return uuid5(NAMESPACE_URL, f"gas:subscription:{user}")


@dataclass(frozen=True, slots=True)
class Standing:
    """What an owner is entitled to: ``paid`` until ``until``, or for as long as nothing is heard.

    When nothing is paid, ``until`` is when that ended; None for never having paid.
    """

    paid: bool = False
    until: datetime | None = None

    def entitled(self, now: datetime) -> bool:
        return self.paid and (self.until is None or now < self.until)


NEVER_PAID = Standing()


class Subscription(Stamped):
    TOPIC = "subscription"

    class Event(Stamped.Event):
        pass

    class Created(Event, Aggregate.Created):
        TOPIC = "subscription.opened.v1"
        user: UUID
        plan: str

    class CheckoutStarted(Event):
        TOPIC = "subscription.checkout_started.v1"
        customer: str
        session: str
        expires: str  # ISO 8601, UTC

    class Upgraded(Event):
        TOPIC = "subscription.upgraded.v1"
        customer: str
        subscription: str
        price: str
        message: str  # the provider's id of what told us

    class PaymentFailed(Event):
        TOPIC = "subscription.payment_failed.v1"
        attempt: int
        until: str  # ISO 8601, UTC: when the entitlement ends unless it is paid
        message: str

    class CancelScheduled(Event):
        TOPIC = "subscription.cancel_scheduled.v1"
        at: str  # ISO 8601, UTC
        message: str

    class Resumed(Event):
        TOPIC = "subscription.resumed.v1"
        reason: str  # "paid", or "kept" when a cancellation was taken back
        message: str

    class Ended(Event):
        TOPIC = "subscription.ended.v1"
        reason: str  # the provider's word
        message: str

    def __init__(self, user: UUID, plan: str, correlation_id: str = "") -> None:
        self.user = user
        self.correlation_id = correlation_id
        self.customer = ""
        self.customers: set[str] = set()  # all that they ever were
        self.session = ""
        self.subscription = ""
        self.paid = False
        self.overdue_until: datetime | None = None
        self.payment_failures = 0
        self.cancel_at: datetime | None = None
        self.ended_at: datetime | None = None
        self.applied: set[str] = set()

    @classmethod
    def open(cls, user: UUID) -> Subscription:
        """Everybody begins on the free plan."""
        return cls._create(cls.Created, id=subscription_id_of(user), user=user, plan="free")

    @property
    def standing(self) -> Standing:
        """What the owner is entitled to as things are.

        A cancelled plan ends by itself soon after its time: the provider's last word may be lost.
        """
        if not self.paid:
            return Standing(until=self.ended_at)
        cancelled = self.cancel_at + CANCEL_SLACK if self.cancel_at else None
        ends = [end for end in (self.overdue_until, cancelled) if end]
        return Standing(paid=True, until=min(ends, default=None))

    def start_checkout(self, customer: str, checkout: Checkout) -> None:
        """Remember the page that was opened to pay at; the same one again changes nothing."""
        if checkout.id != self.session:
            self._checkout_started(
                customer=customer, session=checkout.id, expires=checkout.expires.isoformat()
            )

    def apply(
        self, found: PaidSubscription | None, *, message: str, overdue_until: datetime
    ) -> None:
        """Take over what the provider says now; a ``message`` that was applied changes nothing.

        ``overdue_until`` is how long the entitlement lasts when a payment has just failed.
        """
        if message in self.applied:
            return
        if found is None or found.status not in PAID | OVERDUE:
            if self.paid:
                self._ended(reason=found.status if found else "gone", message=message)
            return
        self._apply_payment(found, message, overdue_until)
        self._apply_cancellation(found, message)

    def _apply_payment(self, found: PaidSubscription, message: str, until: datetime) -> None:
        if not self.paid or found.id != self.subscription:
            self._upgraded(
                customer=found.customer,
                subscription=found.id,
                price=found.price,
                message=message,
            )
        if found.status in OVERDUE and self.overdue_until is None:
            self._payment_failed(
                attempt=self.payment_failures + 1, until=until.isoformat(), message=message
            )
        elif found.status in PAID and self.overdue_until is not None:
            self._resumed(reason="paid", message=message)

    def _apply_cancellation(self, found: PaidSubscription, message: str) -> None:
        if found.cancel_at_period_end and self.cancel_at != found.period_end:
            self._cancel_scheduled(at=found.period_end.isoformat(), message=message)
        elif not found.cancel_at_period_end and self.cancel_at is not None:
            self._resumed(reason="kept", message=message)

    # --- what has happened -------------------------------------------------------------------

    @event(CheckoutStarted)
    def _checkout_started(self, customer: str, session: str, expires: str) -> None:
        self.customer = customer
        self.customers.add(customer)
        self.session = session

    @event(Upgraded)
    def _upgraded(self, customer: str, subscription: str, price: str, message: str) -> None:
        self.customer = customer
        self.customers.add(customer)
        self.subscription = subscription
        self.paid = True
        self.overdue_until = self.cancel_at = self.ended_at = None
        self.payment_failures = 0
        self.applied.add(message)

    @event(PaymentFailed)
    def _payment_failed(self, attempt: int, until: str, message: str) -> None:
        self.payment_failures = attempt
        self.overdue_until = datetime.fromisoformat(until)
        self.applied.add(message)

    @event(CancelScheduled)
    def _cancel_scheduled(self, at: str, message: str) -> None:
        self.cancel_at = datetime.fromisoformat(at)
        self.applied.add(message)

    @event(Resumed)
    def _resumed(self, reason: str, message: str) -> None:
        if reason == "paid":
            self.overdue_until = None
            self.payment_failures = 0
        else:
            self.cancel_at = None
        self.applied.add(message)

    @event(Ended)
    def _ended(self, reason: str, message: str, timestamp: datetime | None = None) -> None:
        self.paid = False
        self.subscription = ""
        self.ended_at = timestamp
        self.overdue_until = self.cancel_at = None
        self.applied.add(message)


def current(found: list[PaidSubscription]) -> PaidSubscription | None:
    """Of all that a customer ever had, the one that counts: paid first, then overdue, then any."""

    def rank(each: PaidSubscription) -> tuple[int, Any]:
        return (2 if each.status in PAID else 1 if each.status in OVERDUE else 0, each.period_end)

    return max(found, key=rank, default=None)
