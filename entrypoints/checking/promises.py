"""The promises about steps and archives, each a pure function of the facts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

from domain.due import EVER, TABLE, Step, next_step
from entrypoints.checking.facts import Facts, JobFacts
from entrypoints.checking.findings import Finding

SOON = timedelta(minutes=15)
# how long a step may be due before somebody should look; the sweeper comes every few seconds
LIMITS: Mapping[Step, timedelta] = dict.fromkeys(Step, SOON) | {
    Step.ANNOTATE: timedelta(hours=6),  # it may stand in a queue
    Step.ARCHIVE: timedelta(hours=1),
    Step.FINISH_ARCHIVE: timedelta(hours=1),
    Step.SPARE: timedelta(hours=1),
    Step.BRING_BACK: timedelta(hours=1),
    Step.REMOVE_INPUT: timedelta(days=1),
}
LONGEST_RETRIEVAL = timedelta(hours=15)  # DEEP_ARCHIVE's Standard tier takes twelve
LOOK_AT_WORKERS = "See `gas queues` and the work process's log; `gas worker QUEUE` serves a queue."


def nothing_is_overdue(facts: Facts) -> Iterator[Finding]:
    """No step has been due for longer than its limit."""
    for each in facts.jobs:
        step = next_step(each.situation, facts.now)
        if step is None:
            continue
        late = facts.now - _due_since(each, step)
        if late > LIMITS[step]:
            yield Finding(
                "nothing_is_overdue",
                f"{step} has been due for {_long(late)}, and nobody is at it.",
                LOOK_AT_WORKERS,
                str(each.job.id),
            )


def what_is_archived_is_safe(facts: Facts) -> Iterator[Finding]:
    """``archived`` implies a reference with a digest, and no readable source after the limit."""
    for each in facts.jobs:
        job = each.job
        if job.storage not in {"archived", "thawing"} or job.deletion_requested:
            continue
        for says, do in _archive_faults(each, facts):
            yield Finding("what_is_archived_is_safe", says, do, str(job.id))


def who_pays_can_read(facts: Facts) -> Iterator[Finding]:
    """No entitled owner's result stays archived longer than a retrieval takes."""
    for each in facts.jobs:
        job = each.job
        cold = job.storage in {"archived", "thawing"} and not job.deletion_requested
        if not cold or not each.situation.standing.entitled(facts.now):
            continue
        by = max(job.archived_at or EVER, each.owner_since) + LONGEST_RETRIEVAL
        altered = job.thaw_failure and not job.thaw_failure["retryable"]
        if facts.now > by or altered:
            why = f" ({job.thaw_failure['reason']})" if job.thaw_failure else ""
            yield Finding(
                "who_pays_can_read",
                f"Its owner pays, and its result is still {job.storage}{why}.",
                "Look for its archive with `gas history`, then at the restoration queue.",
                str(job.id),
            )


def _archive_faults(each: JobFacts, facts: Facts) -> Iterator[tuple[str, str]]:
    job, archive = each.job, each.job.archive or {}
    result = job.result or {}
    if not archive.get("archive_id") or archive.get("sha256") != result.get("sha256"):
        yield (
            "It is archived, but its events name no archive with the result's digest.",
            "Compare `gas history` with the store, and restore the file from a backup.",
        )
        return
    head = facts.files.get(result["key"])
    if head is not None and head.storage_class == "STANDARD" and _settled(each, facts.now):
        yield (
            f"It is archived, and its result still lies readable at {head.key}.",
            "Have the archival queue served; if that was done, remove the file.",
        )


def _settled(each: JobFacts, now: datetime) -> bool:
    """Whether the source should be gone by now."""
    at = each.job.archived_at
    return not each.job.source_left or at is None or now - at > LIMITS[Step.REMOVE_SOURCE]


def _due_since(each: JobFacts, step: Step) -> datetime:
    """Since when a step could have been done; what fails again and again is not due anew."""
    if step is Step.ARCHIVE and each.job.archive_due is not None:
        return max(each.job.archive_due, each.owner_since)
    row = dict(TABLE).get(step)
    span = row(each.situation) if row else None
    return max(span.start if span else EVER, each.job.modified_on, each.owner_since)


def _long(how: timedelta) -> str:
    hours = how.total_seconds() / 3600
    return f"{hours:.0f} h" if hours >= 2 else f"{hours * 60:.0f} min"
