"""The warm starter as its caller sees it: started when first needed, and again when it died."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import threading
import weakref
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import BinaryIO

from domain.ports import EngineFailed

ORDER = b"r"  # one byte, which carries the descriptors
MAXRSS_UNIT = 1 if sys.platform == "darwin" else 1024  # of getrusage
KEPT = ("PATH", "SYSTEMROOT")  # of the environment


class Usage:
    """What runs have taken, each with what it forked: CPU seconds in all, bytes at the most."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.cpu_seconds = 0.0
        self.peak_bytes = 0

    def add(self, seconds: float, peak: int) -> None:
        """Note one run."""
        with self._lock:
            self.cpu_seconds += seconds
            self.peak_bytes = max(self.peak_bytes, peak)


class Started:
    """One run: ``requests`` is its standard input, ``reports`` its standard output."""

    def __init__(
        self, requests: BinaryIO, reports: BinaryIO, line: socket.socket, usage: Usage
    ) -> None:
        self.requests = requests
        self.reports = reports
        self._line = line
        self._usage = usage

    def wait(self) -> int | None:
        """The exit code, negative for a signal; None when the starter died with the run."""
        told = b"".join(iter(lambda: self._line.recv(64), b"")).split()
        if not told:
            return None
        self._usage.add(float(told[1]), int(told[2]) * MAXRSS_UNIT)
        return int(told[0])

    def end(self) -> None:
        """Kill the run and what it forked, and wait until it is gone."""
        with contextlib.suppress(OSError):  # the starter is gone
            self._line.shutdown(socket.SHUT_WR)
        ended = self.wait()
        with contextlib.suppress(BrokenPipeError):
            self.requests.close()
        with self.reports, self._line:
            if ended is None:  # dying with the starter: its output ends when it is dead
                while self.reports.read(65536):
                    pass


class WarmStarter:
    """Starts runs from a process that has loaded the engine already. For any thread."""

    def __init__(self) -> None:
        self.usage = Usage()
        self._lock = threading.Lock()
        self._orders: socket.socket | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._end: Callable[[], object] = lambda: None

    def start(self, folder: Path, errors: BinaryIO) -> Started:
        """A run in ``folder``, waiting for its request. Raises EngineFailed."""
        ours, theirs = socket.socketpair()
        reading, requests = os.pipe()
        reports, writing = os.pipe()
        started = Started(os.fdopen(requests, "wb"), os.fdopen(reports, "rb", 0), ours, self.usage)
        place = os.open(folder, os.O_RDONLY)
        try:
            with self._lock:
                self._order([reading, writing, errors.fileno(), theirs.fileno(), place])
        except OSError as error:
            for stream in (started.requests, started.reports, ours):
                stream.close()
            raise EngineFailed("engine_crashed", f"the starter could not start: {error}") from error
        finally:
            theirs.close()
            for descriptor in (reading, writing, place):
                os.close(descriptor)
        return started

    def _order(self, descriptors: Sequence[int]) -> None:
        """Ask the starter; a new one when it is dead. Raises OSError when that fails as well."""
        with contextlib.suppress(OSError):
            if self._orders and self._process and self._process.poll() is None:
                socket.send_fds(self._orders, [ORDER], descriptors)
                return
        self._end()
        self._begin()
        assert self._orders is not None  # noqa: S101 - just begun
        socket.send_fds(self._orders, [ORDER], descriptors)

    def _begin(self) -> None:
        keep = {name: os.environ[name] for name in KEPT if name in os.environ}
        orders, theirs = socket.socketpair()
        with theirs:
            process = subprocess.Popen(
                [sys.executable, "-I", "-m", "adapters.annotator_bcftools.starter"],
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                cwd="/",
                env={**keep, "LC_ALL": "C.UTF-8"},
                start_new_session=True,
            )
        self._orders, self._process = orders, process
        self._end = weakref.finalize(self, _end, orders, process)


def _end(orders: socket.socket, process: subprocess.Popen[bytes]) -> None:
    """The starter ends when its orders do, and every run with it."""
    orders.close()
    process.wait()
