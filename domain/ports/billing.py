"""Paid plans at a payment provider. What it says is a fact only when asked for or signed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Checkout:
    """A page to pay at. ``status``: open, complete or expired; ``url`` is empty unless open."""

    id: str
    url: str
    status: str
    expires: datetime


@dataclass(frozen=True, slots=True)
class PaidSubscription:
    """A subscription as the provider has it now; ``status`` in its words (PLANS reads them)."""

    id: str
    customer: str
    user: UUID | None  # whose it is, as we told the provider when it was made
    status: str
    price: str
    period_end: datetime
    cancel_at_period_end: bool


@dataclass(frozen=True, slots=True)
class BillingEvent:
    """One verified message of the provider; the same ``id`` may come many times, in any order."""

    id: str
    type: str
    created: datetime
    subscription: str  # which subscription it is about; empty for none
    data: Mapping[str, Any]


class BillingFailed(Exception):
    """The provider did not do it. ``retryable``: a later try may work."""

    def __init__(self, detail: str, *, retryable: bool) -> None:
        self.retryable = retryable
        super().__init__(detail)


class Billing(Protocol):
    """Every creating method may be repeated with the same arguments within a day: it is once."""

    def customer(self, user: UUID, *, name: str, email: str) -> str:
        """The id of the user's one customer."""

    def forget_customer(self, customer: str) -> None:
        """Delete the customer, which ends their subscriptions at once; for erasure."""

    def start_checkout(
        self, user: UUID, customer: str, *, success_url: str, cancel_url: str, key: str
    ) -> Checkout:
        """A page to subscribe at; ``key`` names the attempt."""

    def checkout(self, checkout_id: str) -> Checkout: ...
    def portal_url(self, customer: str, *, return_url: str) -> str:
        """A page where the customer manages payment and cancels."""

    def subscription(self, subscription_id: str) -> PaidSubscription: ...
    def subscriptions(self, customer: str) -> list[PaidSubscription]:
        """Every subscription of a customer, ended ones too; for reconciliation."""

    def cancel_now(self, subscription_id: str) -> PaidSubscription: ...
    def event(self, body: bytes, signature: str) -> BillingEvent:
        """The message in a webhook's body; ``DomainError`` for anything the provider never sent."""
