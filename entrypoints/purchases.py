"""Buying the premium plan: checkout, the provider's messages, and what the owner can change."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID, uuid4

from domain.context import acting
from domain.errors import NotFound, WrongState
from domain.ports.billing import Billing, PaidSubscription
from domain.service import AnnotationService
from domain.subscription import Subscription, current
from entrypoints.people import People


@dataclass(frozen=True)
class Purchases:
    """Only what the provider says, signed or when asked, changes what somebody is entitled to."""

    service: AnnotationService
    people: People
    billing: Billing

    def start(self, user: UUID, *, paid_url: str, back_url: str) -> str:
        """The address of the page to pay at: the same one while it is open, also from another tab.

        From there people come back to ``paid_url``, or to ``back_url`` without having paid.
        ``WrongState`` for who pays already; ``BillingFailed`` when the provider does not answer.
        """
        found = self.look(user)
        if found and found.paid:
            raise WrongState(
                "You have a Premium subscription already; “Manage payment” changes it."
            )
        if found and found.session and (url := self._open_checkout(found.session)):
            return url
        customer = found.customer if found and found.customer else self._customer(user)
        checkout = self.billing.start_checkout(
            user,
            customer,
            success_url=paid_url,
            cancel_url=back_url,
            key=f"{found.version if found else 0}",
        )
        self.service.start_checkout(user, customer, checkout)
        return checkout.url

    def manage(self, user: UUID, *, return_url: str) -> str:
        """The address where payment is changed and the plan cancelled, or ``NotFound``."""
        found = self.service.subscription(user)
        if not found or not found.customer:
            raise NotFound("There is nothing to manage: you have never paid for a plan.")
        return self.billing.portal_url(found.customer, return_url=return_url)

    def hear(self, body: bytes, signature: str) -> None:
        """Take one message of the provider's; ``DomainError`` for what it never sent.

        The message only says that something changed: what is true now is asked for.
        """
        message = self.billing.event(body, signature)
        if not message.subscription:
            return
        told = self.billing.subscription(message.subscription)
        if told.user is None:
            return  # of another product of the same account
        with acting("system:billing"):
            self.service.apply_billing(
                told.user, message=message.id, ask=self._truth_of(told.user, told.customer)
            )

    def look(self, user: UUID) -> Subscription | None:
        """Ask the provider how things are, for who comes back before its message does."""
        found = self.service.subscription(user)
        if found is None or not found.customer:
            return found
        with acting("system:billing"):
            recorded = self.service.apply_billing(
                user, message=f"asked:{uuid4()}", ask=self._truth_of(user)
            )
        return recorded.aggregate

    def _truth_of(self, user: UUID, *heard: str) -> Callable[[], PaidSubscription | None]:
        """Asks for the subscription that counts, of this user's alone.

        It is looked for at every customer the user is known to have been, and those just heard of.
        """

        def ask() -> PaidSubscription | None:
            found = self.service.subscription(user)
            customers = sorted({*heard, *(found.customers if found else ())})
            return current(
                [
                    each
                    for customer in customers
                    for each in self.billing.subscriptions(customer)
                    if each.user == user
                ]
            )

        return ask

    def _open_checkout(self, session: str) -> str:
        try:
            return self.billing.checkout(session).url
        except NotFound:
            return ""

    def _customer(self, user: UUID) -> str:
        profile = self.people.profile(user)
        return self.billing.customer(user, name=profile["name"], email=profile["email"])
