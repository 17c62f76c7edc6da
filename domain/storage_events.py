"""What happens to a completed job's result and input in storage; each event applies itself.

Times are ISO 8601 UTC, because event fields are JSON values.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from domain.job_events import JobEvent
from domain.storage_state import StorageState


class ArchiveScheduled(JobEvent):
    TOPIC = "job.archive_scheduled.v1"
    due: str
    policy: str  # what the time follows from, in words a person can check

    def apply(self, job: StorageState) -> None:
        job.archive_due = datetime.fromisoformat(self.due)
        job.archive_failures = 0
        job.archive_failed_at = None
        job.archive_hopeless = False


class ArchiveUnscheduled(JobEvent):
    TOPIC = "job.archive_unscheduled.v1"
    reason: str

    def apply(self, job: StorageState) -> None:
        job.archive_due = None


class ArchiveStarted(JobEvent):
    TOPIC = "job.archive_started.v1"
    attempt: int
    in_place: bool  # whether the very file is moved, so that it may be in the cold at any moment

    def apply(self, job: StorageState) -> None:
        begun = job.storage == "archiving" and job.archiving_in_place
        job.archiving_in_place = begun or self.in_place
        job.storage = "archiving"
        job.storage_attempt = self.attempt


class Archived(JobEvent):
    TOPIC = "job.archived.v1"
    attempt: int
    archive: dict[str, Any]  # as ``ports.ArchiveRef``

    def apply(self, job: StorageState) -> None:
        job.storage = "archived"
        job.archive = self.archive
        job.archived_at = self.timestamp
        job.archive_due = None
        job.source_removed = False
        job.thaw_failure = None
        job.thaw_failures = 0


class ArchiveFailed(JobEvent):
    TOPIC = "job.archive_failed.v1"
    attempt: int
    reason: str
    retryable: bool

    def apply(self, job: StorageState) -> None:
        job.storage = "available"
        job.archive_hopeless = not self.retryable
        job.archive_failures += 1
        job.archive_failed_at = self.timestamp


class SourceRemoved(JobEvent):
    TOPIC = "job.source_removed.v1"

    def apply(self, job: StorageState) -> None:
        job.source_removed = True


class ThawRequested(JobEvent):
    TOPIC = "job.thaw_requested.v1"
    attempt: int
    reason: str

    def apply(self, job: StorageState) -> None:
        job.storage = "thawing"
        job.storage_attempt = self.attempt
        job.thaw_failure = None
        job.retrieval = None


class ThawStarted(JobEvent):
    TOPIC = "job.thaw_started.v1"
    attempt: int
    retrieval: str
    tier_asked: str
    tier_got: str
    expected_by: str

    def apply(self, job: StorageState) -> None:
        job.retrieval = self.retrieval
        job.thaw_started_at = self.timestamp
        job.expected_by = datetime.fromisoformat(self.expected_by)


class Restored(JobEvent):
    TOPIC = "job.restored.v1"
    attempt: int
    result: dict[str, Any]  # as ``FileRef``: a key that no earlier copy ever had

    def apply(self, job: StorageState) -> None:
        job.storage = "available"
        job.result = self.result
        job.available_since = self.timestamp
        job.retrieval = None
        job.thaw_failures = 0


class ThawFailed(JobEvent):
    TOPIC = "job.thaw_failed.v1"
    attempt: int
    reason: str
    retryable: bool

    def apply(self, job: StorageState) -> None:
        job.storage = "archived"
        job.retrieval = None
        job.thaw_failure = {"reason": self.reason, "retryable": self.retryable}
        job.thaw_failures += 1
        job.thaw_failed_at = self.timestamp


class ArchiveDiscarded(JobEvent):
    TOPIC = "job.archive_discarded.v1"

    def apply(self, job: StorageState) -> None:
        job.archive = None


class InputRemoved(JobEvent):
    TOPIC = "job.input_removed.v1"
    reason: str

    def apply(self, job: StorageState) -> None:
        job.input_removed = True
