"""Reading one's own writes: a list is shown when it knows what was just done."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from projections.job_views import JOBS

if TYPE_CHECKING:
    from entrypoints.bootstrap import Gas

PATIENCE = 1.0  # seconds; after that the page is shown as it is
LOOK_EVERY = 0.02


def wait_until_listed(gas: Gas, position: int) -> bool:
    """Wait a moment for the list of jobs to reach a position of the log; whether it has."""
    give_up = time.monotonic() + PATIENCE
    while gas.views.position(JOBS) < position:
        if time.monotonic() > give_up:
            return False
        time.sleep(LOOK_EVERY)
    return True
