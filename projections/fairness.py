"""Who is served next: owners in turn, so that one with a thousand jobs delays nobody else."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

NOBODY: Mapping[str, int] = {}
Waiting = Iterable[tuple[str, Mapping[str, Any]]]


def fair_order(open_work: Waiting, served: Mapping[str, int] = NOBODY) -> list[str]:
    """Ids of the waiting jobs, most deserving first. Pure.

    ``open_work`` has (job id, row) with ``owner``, ``work`` and ``submitted_at``. A job's turn is
    the number of its owner's jobs that run or stand before it; within a turn comes first whose
    owner was served longest ago (``served``: owner -> a number that grows), then the oldest.
    """
    rows = sorted(open_work, key=lambda item: (item[1]["submitted_at"], item[0]))
    ahead = Counter(row["owner"] for _, row in rows if row["work"] == "running")
    turns = []
    for job_id, row in rows:
        if row["work"] != "running":
            before = served.get(row["owner"], 0)
            turns.append((ahead[row["owner"]], before, row["submitted_at"], job_id))
            ahead[row["owner"]] += 1
    return [job_id for *_, job_id in sorted(turns)]


def ahead_of(
    job_id: str, row: Mapping[str, Any], waiting: Waiting, served: Mapping[str, int] = NOBODY
) -> list[list[str]]:
    """Whose turn comes before this job's: for each such owner their waiting jobs, in order. Pure.

    ``row`` is the job's own, as in ``fair_order``. Its owner's other jobs do not count: which of
    them has its turn is for whoever hints to say.
    """
    others = {other: each for other, each in waiting if each["owner"] != row["owner"]}
    order = fair_order([(job_id, row), *others.items()], served)
    lines = defaultdict(list)
    for other in order:
        if other != job_id:
            lines[others[other]["owner"]].append(other)
    before = order[: order.index(job_id)]  # of each owner the first at most: ours is a first one
    return [lines[others[first]["owner"]] for first in before]


def serve(served: dict[str, int], owner: object) -> None:
    """Remember that it was this owner's turn."""
    served[str(owner)] = max(served.values(), default=0) + 1


@dataclass(frozen=True)
class Turns:
    """Turns between owners: ``waiting`` gives what others than one owner wait for, ``served`` is
    this process's own counting."""

    waiting: Callable[[str], Waiting]
    served: dict[str, int]

    def ahead_of(self, job_id: object, row: Mapping[str, Any]) -> list[list[str]]:
        return ahead_of(str(job_id), row, self.waiting(row["owner"]), dict(self.served))

    def serve(self, owner: object) -> None:
        serve(self.served, owner)
