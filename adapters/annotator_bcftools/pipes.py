"""Pipes between the processes of a run."""

from __future__ import annotations

import contextlib
import fcntl
import os
import sys


def wide_pipe() -> tuple[int, int]:
    """A pipe that holds 1 MB where the system lets it: fewer changes between processes."""
    reading, writing = os.pipe()
    if sys.platform.startswith("linux"):
        with contextlib.suppress(OSError):  # beyond what this user's pipes may hold together
            fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, 2**20)
    return reading, writing
