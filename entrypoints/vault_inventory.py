"""What a vault holds that no event recorded: an upload whose answer was lost, or whose worker died.

Glacier lists a vault hours after it was asked, so housekeeping asks at one time and reads at a
later one. Deleted is only what is a day old and can never be recorded any more: an archive names
its job and attempt, and an attempt that is over cannot record anything.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import structlog

from domain.errors import NotFound
from domain.job import Job
from domain.ports import ObjectStore, RetrievalState
from domain.service import AnnotationService

if TYPE_CHECKING:
    from adapters.archive_glacier_vault import GlacierVaultArchive, Listed
    from entrypoints.bootstrap import Gas

INVENTORY = "inventory"  # records: pk "vault" -> job, asked (ISO 8601), read
VAULT = "vault"
ASK_EVERY = OLD = timedelta(days=1)

log = structlog.get_logger()


def remove_unrecorded(gas: Gas, vault: GlacierVaultArchive) -> int:
    """Read the inventory that was asked for, or ask for one; how many archives were deleted."""
    record = gas.records.get(INVENTORY, VAULT)
    asked: dict[str, Any] = record.value if record else {}
    if not asked or (asked["read"] and _long_ago(asked, gas.clock())):
        _remember(gas, vault.ask_for_inventory(), read=False)
        return 0
    if asked["read"]:
        return 0
    match vault.inventory_state(asked["job"]):
        case RetrievalState.RUNNING:
            return 0
        case RetrievalState.READY:
            old = [a for a in vault.inventory(asked["job"]) if gas.clock() - a.created > OLD]
            removed = _remove(gas, vault, old)
            gas.records.put(INVENTORY, VAULT, value=asked | {"read": True})
            return removed
    gas.records.delete(INVENTORY, VAULT)  # it failed, or nobody came for it: ask again
    return 0


def is_needed(service: AnnotationService, files: ObjectStore, listed: Listed) -> bool:
    """Whether an archive is recorded or may yet be; also for one that we cannot tell is ours.

    To be asked after the inventory was taken: a job's attempts only grow. A log that was restored
    to an earlier point has forgotten some, so the only copy of a result is never called unneeded.
    """
    if listed.job is None:
        return True
    try:
        job = service.job(listed.job)
    except NotFound:
        return True
    recorded = job.archive is not None and job.archive["archive_id"] == listed.archive_id
    under_way = job.storage == "archiving" and job.storage_attempt == listed.attempt
    if recorded or (under_way and not job.deletion_requested):
        return True
    return not (job.deletion_requested or job.archive or _is_readable(files, job))


def _is_readable(files: ObjectStore, job: Job) -> bool:
    return job.result is not None and files.head(job.result["key"]) is not None


def _remove(gas: Gas, vault: GlacierVaultArchive, found: list[Listed]) -> int:
    lost = [listed for listed in found if not is_needed(gas.service, gas.files, listed)]
    for listed in lost:
        vault.delete_archive(listed.archive_id)
        log.info("vault.unrecorded_removed", job=str(listed.job), attempt=listed.attempt)
    return len(lost)


def _remember(gas: Gas, job: str, *, read: bool) -> None:
    value = {"job": job, "asked": gas.clock().isoformat(), "read": read}
    gas.records.put(INVENTORY, VAULT, value=value)


def _long_ago(asked: dict[str, Any], now: datetime) -> bool:
    return now - datetime.fromisoformat(asked["asked"]) >= ASK_EVERY
