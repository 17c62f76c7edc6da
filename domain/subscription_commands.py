"""Use cases of subscriptions, and what a plan allows."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from eventsourcing.application import AggregateNotFoundError

from domain.commands import Commands, Recorded, replay
from domain.context import at
from domain.errors import NotFound, NotSeenYet
from domain.plans import OVERDUE_LASTS, PLANS, Plan
from domain.ports.billing import Checkout, PaidSubscription
from domain.subscription import NEVER_PAID, Standing, Subscription, subscription_id_of


class SubscriptionCommands(Commands):
    """One method a use case."""

    def subscription(self, user: UUID) -> Subscription | None:
        """The user's subscription; None for who never began to pay.

        Whatever keeps it from being read is raised: it never means that nothing was paid.
        """
        try:
            found: Subscription = self._load(subscription_id_of(user))
        except AggregateNotFoundError:
            return None
        return found

    def subscription_at(
        self, subscription_id: UUID, version: int | None = None, *, at_least: int = 0
    ) -> Subscription:
        """A subscription by its own id, as it stands or stood; ``NotFound``, ``NotSeenYet``."""
        try:
            found: Subscription = self._load(subscription_id, version)
        except AggregateNotFoundError:
            raise NotFound("There is no such subscription.") from None
        if not isinstance(found, Subscription):
            raise NotFound("There is no such subscription.")
        if found.version < at_least:
            raise NotSeenYet(f"Subscription {subscription_id} cannot be read that far yet.")
        return found

    def standing_of(self, user: UUID) -> Standing:
        """What the user is entitled to; raises as ``subscription`` does."""
        found = self.subscription(user)
        return found.standing if found else NEVER_PAID

    def plan_of(self, user: UUID) -> Plan:
        """What the user's plan allows now; raises as ``subscription`` does."""
        return _plan(self.standing_of(user), self.clock())

    def plan_at(self, user: UUID, then: datetime) -> Plan:
        """What the user's plan allowed at a time; raises as ``subscription`` does."""
        events: Iterable[Any] = self.events.get(subscription_id_of(user))
        found = replay(None, [event for event in events if event.timestamp <= then])
        return _plan(found.standing if found else NEVER_PAID, then)

    def start_checkout(
        self, user: UUID, customer: str, checkout: Checkout
    ) -> Recorded[Subscription]:
        return self._change_subscription(
            user, lambda found: found.start_checkout(customer, checkout)
        )

    def apply_billing(
        self, user: UUID, *, message: str, ask: Callable[[], PaidSubscription | None]
    ) -> Recorded[Subscription]:
        """Take over what the provider says; each ``message`` of the provider's is applied once.

        ``ask`` is called after the subscription was read and again when a rival wrote first, so
        an older answer is never recorded over a newer one.
        """
        until = self.clock() + OVERDUE_LASTS
        return self._change_subscription(
            user, lambda found: found.apply(ask(), message=message, overdue_until=until)
        )

    def _change_subscription(
        self, user: UUID, decide: Callable[[Subscription], None]
    ) -> Recorded[Subscription]:
        def load() -> Subscription:
            with at(self.clock()):
                return self.subscription(user) or Subscription.open(user)

        return self._change(load, decide)


def _plan(standing: Standing, now: datetime) -> Plan:
    return PLANS["premium" if standing.entitled(now) else "free"]
