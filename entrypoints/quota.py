"""How many jobs an owner may have: decided in one record, so that no race gets more.

The views lag behind the log, so they cannot decide; this record is written before the job exists
and by condition. What it says of a job that never came to be is forgotten after some minutes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from domain.errors import NotFound, PlanLimit
from domain.job import FINISHED
from domain.plans import Plan
from domain.ports import Conflict, Records
from domain.service import AnnotationService

QUOTA = "quota"  # records: pk owner -> day, today (jobs), open {job id: when it was admitted}
FORGOTTEN_AFTER = timedelta(minutes=10)
TRIES = 100


@dataclass(frozen=True)
class Quota:
    """Admits jobs one by one; every method may be repeated."""

    service: AnnotationService
    records: Records
    clock: Callable[[], datetime]

    def admit(self, owner: UUID, job_id: UUID, plan: Plan) -> None:
        """Count a job that is about to be; ``PlanLimit`` when the plan has no room for it."""

        def change(state: dict[str, Any]) -> bool:
            if str(job_id) in state["open"]:
                return False
            if len(state["open"]) >= plan.jobs_at_once:
                state["open"] = {j: at for j, at in state["open"].items() if self._is_open(j, at)}
            _check(state, plan)
            state["open"][str(job_id)] = self.clock().isoformat()
            state["today"] += 1
            return True

        self._change(owner, change)

    def withdraw(self, owner: UUID, job_id: UUID) -> None:
        """Forget a job that was admitted and then refused."""

        def change(state: dict[str, Any]) -> bool:
            if state["open"].pop(str(job_id), None) is None:
                return False
            state["today"] = max(0, state["today"] - 1)
            return True

        self._change(owner, change)

    def _change(self, owner: UUID, change: Callable[[dict[str, Any]], bool]) -> None:
        for _ in range(TRIES):
            record = self.records.get(QUOTA, str(owner))
            state = self._of_today(record.value if record else {})
            if not change(state):
                return
            try:
                self.records.put(
                    QUOTA, str(owner), value=state, expected=record.revision if record else 0
                )
            except Conflict:
                continue
            return
        raise PlanLimit("Too many of your jobs are being submitted at once. Try again in a moment.")

    def _of_today(self, value: dict[str, Any]) -> dict[str, Any]:
        today = self.clock().date().isoformat()
        count = value["today"] if value.get("day") == today else 0
        return {"day": today, "today": count, "open": dict(value.get("open", {}))}

    def _is_open(self, job_id: str, admitted: str) -> bool:
        try:
            return self.service.job(UUID(job_id)).work not in FINISHED
        except NotFound:
            return self.clock() - datetime.fromisoformat(admitted) < FORGOTTEN_AFTER


def _check(state: dict[str, Any], plan: Plan) -> None:
    if len(state["open"]) >= plan.jobs_at_once:
        raise PlanLimit(
            f"{len(state['open'])} of your jobs are waiting or running, which is all the"
            f" {plan.title} plan allows at once. Wait for one to finish, then submit again."
        )
    if state["today"] >= plan.jobs_a_day:
        raise PlanLimit(
            f"You have submitted {state['today']} jobs today (UTC), which is all the"
            f" {plan.title} plan allows in a day. Submit again tomorrow."
        )
