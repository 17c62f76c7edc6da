"""Later hints by SQS's own delay (port ``Timer``).

SQS delays by at most fifteen minutes. A later time is reached in steps: the hint comes early, its
handler finds nothing due yet and schedules again.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import datetime, timedelta

from domain.ports import WorkQueue

LONGEST_SECONDS = 900


class SqsTimer:
    """Hints for ``queue``; ``now`` is the clock."""

    def __init__(self, queue: WorkQueue, *, now: Callable[[], datetime]) -> None:
        self._queue = queue
        self._now = now

    def schedule(self, hint: str, *, at: datetime) -> datetime:
        now = self._now()
        seconds = min(max(math.ceil((at - now).total_seconds()), 0), LONGEST_SECONDS)
        self._queue.send(hint, delay_seconds=seconds)
        return now + timedelta(seconds=seconds)
