"""PLANS: what each plan allows. The one place where these numbers stand."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

# The payment provider's words for a subscription (Stripe: "subscription.status") that entitle.
PAID = frozenset({"trialing", "active"})
OVERDUE = frozenset({"past_due"})  # entitles for OVERDUE_LASTS after the payment failed
OVERDUE_LASTS = timedelta(days=14)
CANCEL_SLACK = timedelta(days=3)  # how late the provider's last word on a cancelled plan may be


@dataclass(frozen=True, slots=True)
class Plan:
    """Sizes in bytes (of the file and of what it decompresses to), counts in jobs."""

    name: str
    title: str
    input_bytes: int
    jobs_at_once: int  # waiting or running
    jobs_a_day: int
    stored_bytes: int


PLANS: dict[str, Plan] = {
    "free": Plan(
        name="free",
        title="Free",
        input_bytes=153_600,
        jobs_at_once=10,
        jobs_a_day=100,
        stored_bytes=2**30,
    ),
    "premium": Plan(
        name="premium",
        title="Premium",
        input_bytes=5 * 2**30,
        jobs_at_once=200,
        jobs_a_day=10_000,
        stored_bytes=2 * 2**40,
    ),
}


@dataclass(frozen=True, slots=True)
class Policy:
    """How long things are kept for owners who do not pay."""

    retention: timedelta = timedelta(seconds=300)  # of a result, from when it is there
    grace: timedelta = timedelta(days=14)  # of a result, after a subscription's end
    input_kept: timedelta = timedelta(days=30)

    def __str__(self) -> str:
        retention, grace = self.retention.total_seconds(), self.grace.total_seconds()
        return f"{retention:.10g} s from when it is there, {grace:.10g} s after a paid plan's end"


POLICY = Policy()
