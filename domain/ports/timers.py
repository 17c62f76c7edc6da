"""Hints that shall come later."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol


class Timer(Protocol):
    """Sends a hint to one work queue at a time.

    It may come early, late, twice or never: whoever gets it looks what is due, and the sweeper
    looks without any hint. Asking twice for the same does no harm.
    """

    def schedule(self, hint: str, *, at: datetime) -> datetime:
        """When the hint is meant to come; earlier than ``at`` where no wait can be that long."""
