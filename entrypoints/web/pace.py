"""How soon a live part looks again: at once while what it shows is about to change, else seldom.

The answer is part of what the part's tag is made of, so a part that gets quicker or slower is sent
anew rather than answered with a 304.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any

from entrypoints.web.statuses import FINAL

QUICK = 2  # seconds: something is under way
SLOW = 15  # something may come: an archive at its time, an upgrade in another tab
SOON = timedelta(seconds=SLOW + 5)

Job = dict[str, Any]


def pace_of(job: Job, *, entitled: bool, now: datetime) -> int | None:
    """Seconds until the next look at a job's document, None when it is at rest."""
    if job["status"] not in FINAL:
        return QUICK
    return STORAGE[job["storage"]](job, entitled, now)


def quickest(paces: Iterable[int | None]) -> int | None:
    """Of several things in one part, the one that cannot wait."""
    return min((pace for pace in paces if pace is not None), default=None)


def _available(job: Job, entitled: bool, now: datetime) -> int | None:
    due = job["archives_at"]
    if entitled:
        return QUICK if due else None  # it is about to be spared
    near = due is None or datetime.fromisoformat(due) <= now + SOON
    return QUICK if near else SLOW


def _archived(job: Job, entitled: bool, now: datetime) -> int:
    return QUICK if entitled and not job["restore_problem"] else SLOW


STORAGE: dict[str, Callable[[Job, bool, datetime], int | None]] = {
    "none": lambda *_: None,
    "available": _available,
    "archiving": lambda *_: QUICK,
    "archived": _archived,
    "thawing": lambda *_: QUICK,
    "removed": lambda *_: None,
}
