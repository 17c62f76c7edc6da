"""Threads that are watched: one that dies by an error is started again, the others go on."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import structlog

FIRST_PAUSE = 0.5
LONGEST_PAUSE = 30.0
HEALTHY_AFTER = 60.0  # a part that ran for so long begins with the first pause again

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Part:
    """One thing a process does for as long as it lives; ``run`` returns when it shall stop."""

    name: str
    run: Callable[[], None]


class Supervised:
    """Runs parts in threads until told to stop."""

    def __init__(self, parts: Sequence[Part], stop: threading.Event) -> None:
        self._stop = stop
        # daemons, so that a part that hangs in a call cannot keep the process from ending
        self._threads = {
            part.name: threading.Thread(target=self._keep, args=[part], name=part.name, daemon=True)
            for part in parts
        }

    def start(self) -> None:
        for thread in self._threads.values():
            thread.start()

    def drain(self, *, seconds: float, idle: Callable[[str], bool] = lambda _: False) -> list[str]:
        """After the stop: wait until each part has ended or is idle; who did not in time."""
        give_up = time.monotonic() + seconds
        while (busy := self._busy(idle)) and time.monotonic() < give_up:
            time.sleep(0.02)
        return busy

    def _busy(self, idle: Callable[[str], bool]) -> list[str]:
        return [n for n, t in self._threads.items() if t.is_alive() and not idle(n)]

    def _keep(self, part: Part) -> None:
        pause = FIRST_PAUSE
        while not self._stop.is_set():
            began = time.monotonic()
            try:
                part.run()
            except Exception as error:
                if self._stop.is_set():  # what it stands on may be gone by now
                    log.info("part.ended", part=part.name, error=type(error).__name__)
                    return
                log.exception("part.failed", part=part.name)
            if time.monotonic() - began > HEALTHY_AFTER:
                pause = FIRST_PAUSE
            if self._stop.wait(pause):
                return
            pause = min(pause * 2, LONGEST_PAUSE)
