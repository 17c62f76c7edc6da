"""Following the log as it grows."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Sequence
from threading import Event

from eventsourcing.persistence import ApplicationRecorder, Notification, Subscription

from .log import TOPIC_WINDOW, TRUST, SlotLog, restored

PAGE = 500
POLL = 0.2  # seconds between looks for what other processes wrote


class DynamoDBSubscription(Subscription[ApplicationRecorder]):
    """Yields every notification above ``gt``, in order, waiting for more.

    Woken at once by what this process appends, within 200 ms by what others do.
    **Invariant.** The cursor is of what was *scanned*: `position` moves past events of other
    topics, so nothing is searched twice and a projection can checkpoint past what it skips.
    Raises `LogRestored` when the log ends before ``gt`` or what this subscription has seen.
    """

    def __init__(
        self,
        recorder: ApplicationRecorder,
        log: SlotLog,
        listeners: set[Event],  # set by whoever commits
        gt: int | None,
        topics: Sequence[str],
    ) -> None:
        super().__init__(recorder=recorder, gt=gt, topics=topics)
        self._log, self._listeners = log, listeners
        self._next = (gt or 0) + 1
        self._ready: deque[Notification] = deque()
        self._woken = Event()
        self._checked = time.monotonic()
        if self._next > 1 and (end := self._log.refresh()) < self._next - 1:
            raise restored(self._next - 1, end)
        self._listeners.add(self._woken)

    @property
    def position(self) -> int:
        """The last position delivered or skipped because of its topic."""
        return self._ready[0].id - 1 if self._ready else self._next - 1

    def stop(self) -> None:
        """End the iteration, also in a thread that waits in it."""
        super().stop()
        self._woken.set()
        self._listeners.discard(self._woken)

    def __next__(self) -> Notification:
        """The next notification; waits for one."""
        while not self._has_been_stopped:
            if self._ready:
                return self._ready.popleft()
            self._woken.clear()
            self._scan()
        raise StopIteration

    def _scan(self) -> None:
        stop = self._next + TOPIC_WINDOW - 1  # so that it moves where matches are rare
        found, following = self._log.read(self._next, PAGE, stop, self._topics)
        self._ready.extend(found)
        if following > self._next:
            self._next = following
        elif not self._woken.wait(POLL) and time.monotonic() - self._checked > TRUST:
            self._checked = time.monotonic()
            self._log.refresh()
