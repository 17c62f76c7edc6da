"""Housekeeping: what nobody will ever ask for again is removed from time to time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from projections.leftovers import Leftovers

if TYPE_CHECKING:
    from entrypoints.bootstrap import Gas

log = structlog.get_logger()


def tidy(gas: Gas) -> dict[str, int]:
    """Remove leftovers and expired records; how many of each."""
    leftovers = Leftovers(gas.service, gas.views, gas.uploads, gas.files, gas.clock)
    removed = {
        "uploads": leftovers.remove_uploads(),
        "files": leftovers.remove_files(),
        "records": gas.records.remove_expired(),
    }
    if any(removed.values()):
        log.info("housekeeping.removed", **removed)
    return removed
