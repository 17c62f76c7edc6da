"""The most memory this process has had."""

from __future__ import annotations

import resource
import sys
from pathlib import Path

STATUS = Path("/proc/self/status")


def peak() -> int:
    """Bytes. Linux keeps ``ru_maxrss`` over an exec, so there the caller's memory would count."""
    if STATUS.exists():
        rows = dict(line.split(":", 1) for line in STATUS.read_text().splitlines())
        return int(rows["VmHWM"].split()[0]) * 1024
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
