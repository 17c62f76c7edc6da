"""Become another program, which the Linux kernel ends together with whoever started this one.

Run as a file by ``children.start``. Imports as little as it can: it runs before every child.
"""

import os
import sys

PR_SET_PDEATHSIG, SIGKILL = 1, 9


def end_with(starter: int) -> None:
    """Ask the kernel for SIGKILL at the starter's death; the wish survives exec."""
    import ctypes

    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0)
    if os.getppid() != starter:  # it was gone before we asked
        os._exit(1)


def main() -> None:
    """``launch.py STARTER_PID PROGRAM [ARGUMENT ...]``"""
    if sys.platform == "linux":
        end_with(int(sys.argv[1]))
    os.execvp(sys.argv[2], sys.argv[2:])  # noqa: S606 - becoming the program is the point


if __name__ == "__main__":
    main()
