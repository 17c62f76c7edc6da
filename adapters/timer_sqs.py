"""Later hints by SQS's own delay (port ``Timer``).

SQS delays by at most fifteen minutes. A later time is reached in steps: the hint comes early, its
handler finds nothing due yet and schedules again.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import datetime

from domain.ports import WorkQueue

LONGEST_SECONDS = 900


class SqsTimer:
    """Hints for ``queue``; ``now`` is the clock."""

    def __init__(self, queue: WorkQueue, *, now: Callable[[], datetime]) -> None:
        self._queue = queue
        self._now = now

    def schedule(self, hint: str, *, at: datetime) -> None:
        seconds = math.ceil((at - self._now()).total_seconds())
        self._queue.send(hint, delay_seconds=min(max(seconds, 0), LONGEST_SECONDS))
