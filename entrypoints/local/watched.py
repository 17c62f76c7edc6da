"""One process that shall run: started again when it dies, slower each time it fails."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

from domain.errors import DomainError
from entrypoints.local import children

SHORTEST_BACKOFF, LONGEST_BACKOFF = 0.2, 10.0
STEADY_SECONDS = 30.0  # who lived so long starts again without delay


@dataclass(slots=True)
class Watched:
    """One process that shall run; ``begin`` starts it and returns when it is usable."""

    name: str
    begin: Callable[[], children.Child]
    child: children.Child | None = None
    failures: int = 0
    started: float = 0.0
    due: float = 0.0

    def start(self) -> None:
        self.started = time.monotonic()
        self.child = self.begin()

    def look(self) -> None:
        """Start again what has died, after a pause that doubles with each failure in a row."""
        if self.child is not None and (code := self.child.exit_code()) is not None:
            self._bury(self.child, code)
        if self.child is None and time.monotonic() >= self.due:
            try:
                self.start()
            except DomainError as error:
                self._failed(str(error))

    def _bury(self, child: children.Child, code: int) -> None:
        lines = child.last_lines()
        child.kill()
        self.child = None
        if time.monotonic() - self.started > STEADY_SECONDS:
            self.failures = 0
        self._failed(f"ended ({code}). It said:\n{lines}")

    def _failed(self, how: str) -> None:
        pause = min(SHORTEST_BACKOFF * 2**self.failures, LONGEST_BACKOFF)
        self.failures += 1
        self.due = time.monotonic() + pause
        sys.stderr.write(f"{self.name} {how}\n{self.name} is started again in {pause:g} s.\n")
