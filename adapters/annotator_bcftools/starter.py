"""The warm starter: a process that has loaded the engine once and forks one run a request.

Loading Python, pysam and DuckDB takes longer than annotating a small file. This process does it
once, keeps a single thread and no connection, so that forking is safe, and never sees any data.

Standard input is a socket. A request is one byte with five descriptors: the run's standard input,
output and error, its *line* to the caller (a socket) and its folder. The exit code goes back over
the line; when the caller closes its half of the line, the run is ended. When the socket ends, so
do we and every run.
"""

from __future__ import annotations

import contextlib
import gc
import os
import selectors
import signal
import socket
import sys
import traceback
from collections.abc import Callable

DESCRIPTORS = 5


class Starter:
    """Forks runs, ends them when asked, and tells how each ended."""

    def __init__(self, orders: socket.socket, main: Callable[[int], None]) -> None:
        self._orders = orders
        self._main = main
        self._lines: dict[int, socket.socket] = {}
        self._selector = selectors.DefaultSelector()
        self._woken, self._waking = os.pipe()

    def serve(self) -> None:
        """Until the socket of orders ends."""
        os.set_blocking(self._waking, False)
        signal.set_wakeup_fd(self._waking, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)  # a handler is what wakes us
        self._selector.register(self._woken, selectors.EVENT_READ)
        self._selector.register(self._orders, selectors.EVENT_READ)
        while True:
            ready = {key.fd: key.data for key, _ in self._selector.select()}
            if ready.pop(self._woken, ready) is None:
                os.read(self._woken, 4096)
            self._reap()
            if self._orders.fileno() in ready and not self._take_order():
                break
            for pid in ready.values():
                if pid in self._lines:
                    self._selector.unregister(self._lines[pid])
                    end_group(pid)
        for pid in self._lines:
            end_group(pid)

    def _take_order(self) -> bool:
        """Start what was asked for; False when nobody will ask again."""
        order, descriptors, _, _ = socket.recv_fds(self._orders, 1, DESCRIPTORS)
        if not order:
            return False
        *streams, line_descriptor, folder = descriptors
        line = socket.socket(fileno=line_descriptor)
        starter = os.getpid()
        try:
            pid = os.fork()
        except OSError:  # the caller sees its line end without an exit code
            traceback.print_exc(file=sys.stderr)
            line.close()
        else:
            if not pid:
                line.close()
                self._become(starter, streams, folder)
            self._lines[pid] = line
            self._selector.register(line, selectors.EVENT_READ, pid)
        for descriptor in (*streams, folder):
            os.close(descriptor)
        return True

    def _reap(self) -> None:
        for pid in list(self._lines):
            ended, status, used = os.wait4(pid, os.WNOHANG)
            if not ended:
                continue
            end_group(pid)  # what the run itself had forked
            line = self._lines.pop(pid)
            with contextlib.suppress(KeyError):  # the caller was gone already
                self._selector.unregister(line)
            with contextlib.suppress(OSError):  # nobody wants to know any more
                took = f"{used.ru_utime + used.ru_stime:.3f} {used.ru_maxrss}"
                line.sendall(f"{os.waitstatus_to_exitcode(status)} {took}".encode())
            line.close()

    def _become(self, starter: int, streams: list[int], folder: int) -> None:
        """Be the run, in a session and folder of its own; never returns."""
        status = 1
        try:
            os.setsid()
            self._let_go()
            for number, descriptor in enumerate(streams):
                os.dup2(descriptor, number)
                os.close(descriptor)
            os.fchdir(folder)
            os.close(folder)
            os.environ["TMPDIR"] = os.getcwd()
            self._main(starter)
            status = 0
        except BaseException:  # a fork ends here, whatever happened
            traceback.print_exc(file=sys.stderr)
        finally:
            sys.stderr.flush()
            os._exit(status)

    def _let_go(self) -> None:
        """Of all that is the starter's alone."""
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        self._selector.close()
        self._orders.close()
        os.close(self._woken)
        os.close(self._waking)
        for line in self._lines.values():
            line.close()


def end_group(pid: int) -> None:
    """Kill a run and what it forked, also in the instant before it has a group of its own."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        try:
            os.killpg(pid, signal.SIGKILL)
        except ProcessLookupError:
            os.kill(pid, signal.SIGKILL)


def main() -> None:
    """Load everything a run needs, then serve."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    import ctypes  # noqa: F401

    import duckdb
    import pysam.bcftools  # noqa: F401

    from adapters.annotator_bcftools import run

    duckdb.close()  # importing it opens a connection, which has a thread
    with open(os.devnull, "rb") as nothing, socket.socket(fileno=os.dup(0)) as orders:
        os.dup2(nothing.fileno(), 0)
        gc.freeze()  # so that collecting in a run does not copy our pages
        Starter(orders, run.main).serve()


if __name__ == "__main__":
    main()
