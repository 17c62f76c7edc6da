"""How a plan stands is told from its subscription and the time alone."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from domain.context import acting, at
from domain.plans import CANCEL_SLACK, OVERDUE_LASTS, POLICY
from domain.subscription import Subscription
from entrypoints.plan_standing import standing_of
from tests.builders import NOON, paid

MONTH = timedelta(days=30)


def subscribed(*words: dict[str, Any]) -> Subscription:
    """A subscription after the provider's words, each at noon."""
    with acting("system:billing"), at(NOON):
        found = Subscription.open(UUID(int=7))
        for n, word in enumerate(words):
            found.apply(paid(**word), message=str(n), overdue_until=NOON + OVERDUE_LASTS)
    return found


@pytest.mark.parametrize(
    ("words", "after", "state", "plan"),
    [
        ([], timedelta(0), "free", "free"),
        ([{}], MONTH, "paid", "premium"),
        ([{"cancel_at_period_end": True}], timedelta(0), "ending", "premium"),
        ([{"cancel_at_period_end": True}], MONTH + CANCEL_SLACK, "ended", "free"),
        ([{"status": "past_due"}], timedelta(days=1), "overdue", "premium"),
        ([{"status": "past_due"}], OVERDUE_LASTS, "lapsed", "free"),
        ([{}, {"status": "canceled"}], timedelta(0), "ended", "free"),
    ],
)
def test_state_and_plan_never_disagree(
    words: list[dict[str, Any]], after: timedelta, state: str, plan: str
) -> None:
    standing = standing_of(subscribed(*words), POLICY, NOON + after)
    assert (standing.state, standing.plan.name) == (state, plan)
    assert (standing.until is None) == (state in ("free", "paid"))
