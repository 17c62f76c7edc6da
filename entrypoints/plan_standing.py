"""How somebody's plan stands and what follows from it, the same for pages and API."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from domain.plans import PLANS, Plan, Policy
from domain.subscription import Subscription

State = Literal["free", "paid", "ending", "overdue", "lapsed", "ended"]


@dataclass(frozen=True, slots=True)
class PlanStanding:
    """``until``: when the paid plan ends or ended, where that is known.

    ``archives_again``: from when on the results of before are archived again; ``grace_over``: it
    has come.
    """

    plan: Plan
    state: State
    until: datetime | None = None
    archives_again: datetime | None = None
    grace_over: bool = False


def standing_of(found: Subscription | None, policy: Policy, now: datetime) -> PlanStanding:
    """From a subscription as it stands; None for who never began to pay."""
    state, until = _state(found, now) if found else ("free", None)
    plan = PLANS["premium" if found and found.standing.entitled(now) else "free"]
    if until is None:
        return PlanStanding(plan, state)
    again = until + policy.grace
    return PlanStanding(plan, state, until, again, grace_over=again <= now)


def _state(found: Subscription, now: datetime) -> tuple[State, datetime | None]:
    if not found.paid:
        return ("ended", found.ended_at) if found.ended_at else ("free", None)
    if found.overdue_until:
        return ("overdue" if now < found.overdue_until else "lapsed", found.overdue_until)
    if found.cancel_at and found.standing.entitled(now):
        return "ending", found.cancel_at
    if found.cancel_at:  # and the provider's last word never came
        return "ended", found.standing.until
    return "paid", None
