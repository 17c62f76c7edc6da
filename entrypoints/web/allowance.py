"""What remains of a plan, for showing; the use case itself decides when something is submitted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from domain.plans import Plan
from projections.job_views import OPEN_WORK, USAGE
from projections.stored_bytes import stored_bytes

if TYPE_CHECKING:
    from entrypoints.bootstrap import Gas


@dataclass(frozen=True, slots=True)
class Allowance:
    """A plan and what of it is used: jobs waiting or running, and jobs submitted today (UTC)."""

    plan: Plan
    at_once: int
    today: int
    stored: int  # bytes

    @property
    def left_at_once(self) -> int:
        return max(self.plan.jobs_at_once - self.at_once, 0)

    @property
    def left_today(self) -> int:
        return max(self.plan.jobs_a_day - self.today, 0)


def allowance_of(gas: Gas, user: UUID) -> Allowance:
    """What the user has used, as the views know it."""
    rows = gas.views.query(OPEN_WORK, "open")
    today = gas.views.get(USAGE, str(user), gas.clock().date().isoformat())
    return Allowance(
        plan=gas.service.plan_of(user),
        at_once=sum(row["owner"] == str(user) for _, row in rows),
        today=(today or {"jobs": 0})["jobs"],
        stored=stored_bytes(gas.views, user),
    )
