"""Who is served next: owners in turn, so that one with a thousand jobs delays nobody else."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

NOBODY: Mapping[str, int] = {}


def fair_order(
    open_work: Iterable[tuple[str, Mapping[str, Any]]], served: Mapping[str, int] = NOBODY
) -> list[str]:
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
