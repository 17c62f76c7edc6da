"""A heartbeat beside long work: leases and messages are kept alive while it runs, never longer."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self


class Heartbeat:
    """Calls ``beat`` every ``seconds`` in a thread of its own until the block is left.

    ``beat`` returns whether to go on; when it says no, or fails, ``lost`` is true from then on:
    what was to be kept alive may belong to somebody else.
    """

    def __init__(self, beat: Callable[[], bool], *, seconds: float) -> None:
        self._beat = beat
        self._seconds = seconds
        self._done = threading.Event()
        self._lost = threading.Event()
        self._thread = threading.Thread(target=self._run, name="heartbeat", daemon=True)
        self._beats = math.isfinite(seconds)  # one that never beats needs no thread

    @property
    def lost(self) -> bool:
        return self._lost.is_set()

    def __enter__(self) -> Self:
        if self._beats:
            self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._done.set()
        if self._beats:
            self._thread.join()

    def _run(self) -> None:
        try:
            while not self._done.wait(self._seconds):
                if not self._beat():
                    self._lost.set()
                    return
        except Exception:
            self._lost.set()
            raise
