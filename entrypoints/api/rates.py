"""How often one key may ask: a fixed window per key, counted by each process for itself.

A guard against runaway loops, not a quota: quotas are in PLANS and hold for all processes.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

WINDOW_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Rate:
    """Where a key stands: ``remaining`` requests until ``reset`` seconds from now."""

    limit: int
    remaining: int
    reset: int
    exceeded: bool

    def headers(self) -> dict[str, str]:
        """The ``RateLimit-*`` headers of an answer, and Retry-After where it was too much."""
        headers = {
            "RateLimit-Limit": str(self.limit),
            "RateLimit-Remaining": str(self.remaining),
            "RateLimit-Reset": str(self.reset),
        }
        return headers | ({"Retry-After": str(self.reset)} if self.exceeded else {})


class Rates:
    """Counts requests by key; ``limit`` of them in each window of a minute."""

    def __init__(self, limit: int, *, now: Callable[[], float] = time.monotonic) -> None:
        self._limit = limit
        self._now = now
        self._lock = threading.Lock()
        self._window = 0
        self._counts: Counter[str] = Counter()

    def count(self, key: str) -> Rate:
        """One more request of this key."""
        now = self._now()
        window = int(now // WINDOW_SECONDS)
        with self._lock:
            if window != self._window:
                self._window = window
                self._counts.clear()
            self._counts[key] += 1
            used = self._counts[key]
        reset = max(1, round((window + 1) * WINDOW_SECONDS - now))
        return Rate(self._limit, max(self._limit - used, 0), reset, used > self._limit)
