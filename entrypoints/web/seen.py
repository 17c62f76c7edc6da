"""Reading one's own writes: a list waits a moment to know what was just done."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from projections.job_views import JOBS

if TYPE_CHECKING:
    from entrypoints.bootstrap import Gas

PATIENCE = 1.0  # seconds; after that the list is shown as it is, and goes on asking
LOOK_EVERY = 0.02


def is_up_to_date(gas: Gas, *, patience: float = PATIENCE) -> bool:
    """Wait until the list of jobs knows all that the log knew when asked; whether it does."""
    known = gas.service.recorder.max_notification_id() or 0
    give_up = time.monotonic() + patience
    while gas.views.position(JOBS) < known:
        if time.monotonic() >= give_up:
            return False
        time.sleep(LOOK_EVERY)
    return True
