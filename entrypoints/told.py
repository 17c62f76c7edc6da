"""An event that a signal handler may set."""

from __future__ import annotations

import time

LOOK_EVERY = 0.05  # seconds


class Told:
    """Has no lock: ``threading.Event`` waits for itself when a signal comes while it is asked."""

    def __init__(self) -> None:
        self._told = False

    def set(self) -> None:
        self._told = True

    def is_set(self) -> bool:
        return self._told

    def wait(self, seconds: float) -> bool:
        """Until it is set, at most so long; whether it is."""
        until = time.monotonic() + seconds
        while not self._told and (left := until - time.monotonic()) > 0:
            time.sleep(min(left, LOOK_EVERY))
        return self._told
