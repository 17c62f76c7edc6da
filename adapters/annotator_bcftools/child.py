"""The annotating child as its parent sees it: start, request, reports, end."""

from __future__ import annotations

import json
import os
import selectors
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

from adapters.annotator_bcftools.warm import WarmStarter
from domain.errors import InputRejected
from domain.ports import EngineFailed, Interrupted, Limits

TICK = 0.2  # seconds between two looks at the clock and at ``stopped``
LAST_WORDS = 2000
KILLED = {
    signal.SIGXCPU: "engine_out_of_time",
    signal.SIGKILL: "engine_killed",
    signal.SIGXFSZ: "engine_out_of_disk",
}


class Child:
    """A process group of its own with its own temporary folder, ended when the block is left."""

    def __init__(self, starter: WarmStarter, temporary: Path, limits: Limits) -> None:
        self._limits = limits
        self._errors = temporary / "stderr"
        with self._errors.open("wb") as errors:
            self._run = starter.start(temporary, errors)

    def __enter__(self) -> Child:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End the whole group, whatever it is doing, and wait for it."""
        self._run.end()

    def run(
        self,
        request: dict[str, Any],
        *,
        progress: Callable[[str, int], None],
        stopped: Callable[[], bool],
    ) -> dict[str, Any]:
        """Send the request and follow the reports to the last one.

        Raises InputRejected, EngineFailed and Interrupted.
        """
        self._send(request)
        for report in self._reports(stopped):
            kind = report.pop("kind")
            if kind == "progress":
                progress(report["step"], report["percent"])
            elif kind == "done":
                return dict(report)
            elif kind == "rejected":
                raise InputRejected(report.pop("code"), **report)
            else:
                raise EngineFailed(report["code"], f"{report['detail']}\n{self._last_words()}")
        raise self._ended_badly()

    def _send(self, request: dict[str, Any]) -> None:
        try:
            self._run.requests.write(json.dumps(request).encode() + b"\n")
            self._run.requests.flush()
        except BrokenPipeError:
            raise self._ended_badly() from None

    def _reports(self, stopped: Callable[[], bool]) -> Iterator[dict[str, Any]]:
        """Reports as they come; ends with the child's output."""
        descriptor = self._run.reports.fileno()
        ends = time.monotonic() + self._limits.wall_seconds
        carry = b""
        with selectors.DefaultSelector() as selector:
            selector.register(descriptor, selectors.EVENT_READ)
            while True:
                if stopped():
                    raise Interrupted
                if time.monotonic() > ends:
                    raise EngineFailed("engine_out_of_time", "the run took too long")
                if not selector.select(TICK):
                    continue
                block = os.read(descriptor, 65536)
                if not block:
                    return
                *lines, carry = (carry + block).split(b"\n")
                yield from (json.loads(line) for line in lines)

    def _ended_badly(self) -> EngineFailed:
        code = self._run.wait()
        if code is None:
            return EngineFailed("engine_crashed", "the process that starts the runs ended")
        reason = (
            KILLED.get(signal.Signals(-code), "engine_crashed") if code < 0 else "engine_crashed"
        )
        return EngineFailed(
            reason, f"the annotating process ended with {code}\n{self._last_words()}"
        )

    def _last_words(self) -> str:
        with self._errors.open("rb") as errors:
            errors.seek(max(0, self._errors.stat().st_size - LAST_WORDS))
            return errors.read().decode(errors="replace").strip()
