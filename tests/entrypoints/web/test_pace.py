"""How soon a live part looks again."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from entrypoints.web.pace import QUICK, SLOW, pace_of, quickest
from tests.builders import NOON


def a_job(status: str = "completed", storage: str = "available", **more: Any) -> dict[str, Any]:
    about = {"archives_at": None, "restore_problem": None}
    return {"status": status, "storage": storage, **about, **more}


def due(seconds: float) -> str:
    return (NOON + timedelta(seconds=seconds)).isoformat()


@pytest.mark.parametrize(
    ("job", "free", "premium"),
    [
        (a_job("submitted", "none"), QUICK, QUICK),
        (a_job("running", "none"), QUICK, QUICK),
        (a_job("failed", "none"), None, None),
        (a_job("cancelled", "none"), None, None),
        (a_job(), QUICK, None),  # a free owner's is about to be scheduled
        (a_job(archives_at=due(3600)), SLOW, QUICK),  # a premium owner's is about to be spared
        (a_job(archives_at=due(10)), QUICK, QUICK),
        (a_job(archives_at=due(-60)), QUICK, QUICK),
        (a_job(storage="archiving"), QUICK, QUICK),
        (a_job(storage="archived"), SLOW, QUICK),
        (a_job(storage="archived", restore_problem="It cannot be."), SLOW, SLOW),
        (a_job(storage="thawing"), QUICK, QUICK),
        (a_job(storage="removed"), None, None),
    ],
)
def test_it_looks_often_only_while_something_is_about_to_change(
    job: dict[str, Any], free: int | None, premium: int | None
) -> None:
    assert pace_of(job, entitled=False, now=NOON) == free
    assert pace_of(job, entitled=True, now=NOON) == premium


def test_a_slow_part_looks_before_the_time_at_which_it_is_to_be_quick() -> None:
    """Between two slow looks no archive can come and go unseen."""
    for seconds in range(1, 60):
        if pace_of(a_job(archives_at=due(seconds)), entitled=False, now=NOON) == SLOW:
            assert seconds > SLOW


def test_of_several_the_one_that_cannot_wait_counts() -> None:
    assert quickest([None, SLOW, QUICK]) == QUICK
    assert quickest([None, SLOW]) == SLOW
    assert quickest([None]) is None
    assert quickest([]) is None
