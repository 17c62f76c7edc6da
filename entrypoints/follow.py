"""follow(): the one way to read the log as it grows; relay, views and feeds all stand on it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

from domain.log import LoggedEvent, read_log
from domain.service import AnnotationService

BATCH = 100
POLL_SECONDS = 0.05


class Pulse:
    """Wakes the followers of this process at once when it has recorded something itself.

    Only a shortcut: events of other processes are found by polling.
    """

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._beats = 0

    def beat(self) -> None:
        with self._condition:
            self._beats += 1
            self._condition.notify_all()

    def wait(self, seen: int, seconds: float) -> int:
        """Until another beat than ``seen``, or the time is up; the beats so far."""
        with self._condition:
            self._condition.wait_for(lambda: self._beats != seen, timeout=seconds)
            return self._beats


def follow(
    service: AnnotationService,
    *,
    after: int,
    stopping: Callable[[], bool],
    pulse: Pulse,
    batch: int = BATCH,
    poll_seconds: float = POLL_SECONDS,
) -> Iterator[list[LoggedEvent]]:
    """Batches of events beyond ``after``, in order and without gaps, for as long as wanted.

    An empty batch says that the end was reached; the next one waits.
    """
    seen = 0
    while not stopping():
        events = read_log(service, after=after, limit=batch)
        yield events
        if events:
            after = events[-1].position
        else:
            seen = pulse.wait(seen, poll_seconds)
