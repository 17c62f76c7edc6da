"""Forks of the annotating child: each does one thing, dies with us, and tells how it ended."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import traceback
from collections.abc import Callable

from adapters.annotator_bcftools import sandbox

OUT_OF_MEMORY = 7
_SIGNALS = {
    signal.SIGKILL: "engine_killed",
    signal.SIGXCPU: "engine_out_of_time",
    signal.SIGXFSZ: "engine_out_of_disk",
}
_EXITS = {OUT_OF_MEMORY: "engine_out_of_memory"}


class EngineDied(Exception):
    """A part of the run ended badly; ``code`` as in ``domain.rejections``."""

    def __init__(self, code: str, detail: str) -> None:
        self.code = code
        super().__init__(detail)


class Fork:
    """``work`` in a process of its own. We have one thread, so forking is safe.

    ``seconds``: the CPU time it took, once it was waited for.
    """

    def __init__(self, what: str, work: Callable[[], object]) -> None:
        self._what = what
        self.seconds = 0.0
        parent = os.getpid()
        self._pid = os.fork()
        if not self._pid:
            _become(parent, work)

    def wait(self) -> None:
        """Wait for the end. Raises EngineDied unless it ended well."""
        pid, self._pid = self._pid, 0
        if not pid:
            return
        _, status, used = os.wait4(pid, 0)
        self.seconds = used.ru_utime + used.ru_stime
        code = os.waitstatus_to_exitcode(status)
        if code < 0:
            reason = _SIGNALS.get(signal.Signals(-code), "engine_crashed")
            raise EngineDied(reason, f"{self._what} ended by signal {-code}")
        if code:
            raise EngineDied(_EXITS.get(code, "engine_crashed"), f"{self._what} ended with {code}")

    def kill(self) -> None:
        """End it, whatever it is doing."""
        if self._pid:
            os.kill(self._pid, signal.SIGKILL)
            with contextlib.suppress(EngineDied):
                self.wait()


def _become(parent: int, work: Callable[[], object]) -> None:
    """Do the work and end; never returns."""
    status = 1
    try:
        sandbox.die_with_parent(parent)
        work()
        status = 0
    except MemoryError:
        status = OUT_OF_MEMORY
    except BaseException as error:  # a fork ends here, whatever happened
        traceback.print_exc(file=sys.stderr)
        status = OUT_OF_MEMORY if "lloc" in str(error) else 1  # htslib: "could not allocate"
    finally:
        sys.stderr.flush()
        os._exit(status)
