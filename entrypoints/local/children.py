"""Child processes that die with their parent, even when it is killed.

Every child shares a process group with a watcher, a shell of one megabyte that waits for the end of
a pipe nobody writes to. It comes when the parent is gone, however it went, and the watcher kills
the group: the child, what the child started, and itself. As long as the watcher lives, nobody
else can get the group's number.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

LAUNCH = Path(__file__).with_name("launch.py")
WATCH = "trap '' HUP INT TERM; read _; kill -s KILL -- -$$"
TAIL_LINES = 20


@dataclass(slots=True)
class Child:
    """One running program; ``pid`` is the program's own."""

    argv: Sequence[str]
    process: subprocess.Popen[bytes]
    log: Path
    _watcher: subprocess.Popen[bytes] = field(repr=False)

    @property
    def pid(self) -> int:
        return self.process.pid

    def exit_code(self) -> int | None:
        """None while it runs; minus the signal's number when a signal ended it."""
        return self.process.poll()

    def ask_to_stop(self) -> None:
        """SIGTERM to the program, not to what it started: stopping that is its business."""
        self.process.send_signal(signal.SIGTERM)

    def end(self, *, patience: float = 5.0) -> None:
        """Ask, wait for at most ``patience`` seconds, then kill whatever of the group is left."""
        self.ask_to_stop()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(patience)
        self.kill()

    def kill(self) -> None:
        """Kill the program and everything in its group, and see them gone; twice does no harm."""
        if self._watcher.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._watcher.pid, signal.SIGKILL)
        self.process.wait()
        self._watcher.wait()
        if self._watcher.stdin:
            self._watcher.stdin.close()
        _wait_until_gone(self._watcher.pid)

    def last_lines(self, count: int = TAIL_LINES) -> str:
        """What the program wrote last; for the person who must find out why it failed."""
        with contextlib.suppress(FileNotFoundError), self.log.open("rb") as log:
            log.seek(max(0, self.log.stat().st_size - 64 * 1024))
            return "\n".join(log.read().decode(errors="replace").splitlines()[-count:])
        return ""


def start(argv: Sequence[str], env: Mapping[str, str], *, log: Path) -> Child:
    """Start a program whose output is appended to ``log``.

    Its group is not the terminal's, so Ctrl-C reaches the parent alone, which then stops its
    children in order. Call it from a thread that lives as long as the child should: Linux counts
    the end of the starting *thread* as the parent's death.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    watcher = subprocess.Popen(
        ["/bin/sh", "-c", WATCH],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        process_group=0,
    )
    try:
        with log.open("ab") as output:
            process = subprocess.Popen(
                [sys.executable, "-I", "-S", str(LAUNCH), str(os.getpid()), *argv],
                env=dict(env),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                process_group=watcher.pid,
            )
    except BaseException:
        watcher.kill()
        watcher.wait()
        raise
    return Child(argv=tuple(argv), process=process, log=log, _watcher=watcher)


def _wait_until_gone(group: int, seconds: float = 1.0) -> None:
    """What was killed may need a moment; where no init process reaps, it stays as a zombie."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            os.killpg(group, 0)
        except (ProcessLookupError, PermissionError):
            return
        time.sleep(0.01)
