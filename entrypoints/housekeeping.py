"""Housekeeping: what nobody will ever ask for again is removed from time to time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from domain.ports import ArchiveFailed
from entrypoints.relay import POSITION, READER
from entrypoints.vault_inventory import remove_unrecorded
from projections.leftovers import Leftovers

if TYPE_CHECKING:
    from entrypoints.bootstrap import Gas

log = structlog.get_logger()


def tidy(gas: Gas) -> dict[str, int]:
    """Remove leftovers and expired records; how many of each."""
    if _log_is_younger(gas):
        log.error("housekeeping.refused", reason="the log ends before what was published of it")
        return {}
    leftovers = Leftovers(gas.service, gas.views, gas.uploads, gas.files, gas.clock)
    removed = {
        "uploads": leftovers.remove_uploads(),
        "files": leftovers.remove_files(),
        "records": gas.records.remove_expired(),
        "archives": _unrecorded(gas),
        "tables": gas.variant_tables.forget_unused(),
    }
    if any(removed.values()):
        log.info("housekeeping.removed", **removed)
    return removed


def _unrecorded(gas: Gas) -> int:
    """Archives in the vault, where there is one; trouble with it holds up nothing else."""
    if gas.settings.archive != "glacier_vault":
        return 0
    try:
        return remove_unrecorded(gas, gas.vault)
    except ArchiveFailed as error:
        log.warning("housekeeping.no_inventory", error=str(error))
        return 0


def _log_is_younger(gas: Gas) -> bool:
    """Whether the log was restored to an earlier point: then it no longer knows what is needed."""
    record = gas.records.get(POSITION, READER)
    published = record.value["position"] if record else 0
    return (gas.service.recorder.max_notification_id() or 0) < published
