"""One annotation job: what may happen to it, and what has. Storage of its result is in stored_job.

Public methods check and trigger; the private ``@event`` methods only assign, because they run again
at every replay.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from eventsourcing.domain import Aggregate, event

from domain import job_events, storage_events
from domain.errors import StaleAttempt, WrongState
from domain.job_events import Failure, FileRef, InputRef, Outcome
from domain.stored_job import StoredJob

# an event method is handed its event's own time when it is declared; callers leave it out
Time = datetime | None


# move -> {state before: state after}; what is not here is refused
WORK_MOVES: dict[str, dict[str, str]] = {
    "start": {"submitted": "running", "running": "running"},
    "complete": {"running": "completed"},
    "try again": {"running": "submitted"},
    "fail": {"submitted": "failed", "running": "failed"},
    "cancel": {"submitted": "cancelled", "running": "cancelled"},
}

FINISHED = frozenset({"completed", "failed", "cancelled"})


class Job(StoredJob):
    TOPIC = "job"

    class Event(job_events.JobEvent):
        pass

    class Created(Event, Aggregate.Created):
        TOPIC = "job.submitted.v1"
        owner: UUID
        input: dict[str, Any]
        reference: str
        options: dict[str, Any]

    AnnotationStarted = job_events.AnnotationStarted
    AnnotationCompleted = job_events.AnnotationCompleted
    AnnotationFailed = job_events.AnnotationFailed
    Cancelled = job_events.Cancelled
    ArchiveScheduled = storage_events.ArchiveScheduled
    ArchiveUnscheduled = storage_events.ArchiveUnscheduled
    ArchiveStarted = storage_events.ArchiveStarted
    Archived = storage_events.Archived
    ArchiveFailed = storage_events.ArchiveFailed
    SourceRemoved = storage_events.SourceRemoved
    ThawRequested = storage_events.ThawRequested
    ThawStarted = storage_events.ThawStarted
    Restored = storage_events.Restored
    ThawFailed = storage_events.ThawFailed
    ArchiveDiscarded = storage_events.ArchiveDiscarded
    InputRemoved = storage_events.InputRemoved
    DeletionRequested = job_events.DeletionRequested
    Deleted = job_events.Deleted

    def __init__(
        self,
        owner: UUID,
        input: dict[str, Any],
        reference: str,
        options: dict[str, Any],
        correlation_id: str = "",
    ) -> None:
        self.owner = owner
        self.correlation_id = correlation_id
        self.input = input
        self.reference = reference
        self.options = options
        self.work = "submitted"
        self._nothing_stored()
        self.attempt = 0
        self.failures = 0
        self.provenance: dict[str, Any] | None = None
        self.outcome: dict[str, Any] | None = None
        self.failure: dict[str, Any] | None = None
        self.log: dict[str, Any] | None = None
        self.started_at: datetime | None = None
        self.finished_at: datetime | None = None
        self.failed_at: datetime | None = None
        self.deletion_requested = False
        self.deleted = False

    @classmethod
    def submit(
        cls, job_id: UUID, *, owner: UUID, input: InputRef, reference: str, options: dict[str, Any]
    ) -> Job:
        """A new job for an input that was checked and stored."""
        return cls._create(
            cls.Created,
            id=job_id,
            owner=owner,
            input=dict(input),
            reference=reference,
            options=options,
        )

    # --- annotation --------------------------------------------------------------------------

    def start_annotation(self, *, attempt: int, worker: str, provenance: dict[str, Any]) -> None:
        """Begin the attempt that follows the last one; a gap or a repeat is ``StaleAttempt``."""
        self._check_not_leaving("start")
        self._check_move("start")
        if attempt != self.attempt + 1:
            raise StaleAttempt(f"Attempt {attempt} cannot start: {self.attempt} have been started.")
        self._annotation_started(
            attempt=attempt,
            worker=worker,
            provenance=provenance,
        )

    def complete_annotation(self, *, attempt: int, outcome: Outcome) -> None:
        """Record what the current attempt made; any other attempt is ``StaleAttempt``."""
        self._check_current(attempt)
        self._check_move("complete")
        self._annotation_completed(attempt=attempt, outcome=dict(outcome))

    def fail_annotation(
        self, *, attempt: int, failure: Failure, log: FileRef | None, final: bool
    ) -> None:
        """Record that the current attempt failed; unless ``final`` another one is due."""
        self._check_current(attempt)
        self._check_move("fail" if final else "try again")
        self._annotation_failed(
            attempt=attempt,
            failure=dict(failure),
            log=dict(log) if log else None,
            final=final,
        )

    def cancel(self, *, reason: str) -> None:
        """Stop before it is finished; cancelling what is cancelled already changes nothing."""
        if self.work == "cancelled":
            return
        self._check_move("cancel")
        self._cancelled(reason=reason)

    # --- leaving -----------------------------------------------------------------------------

    def request_deletion(self, *, reason: str) -> None:
        """Ask for everything of it to be removed; asking twice changes nothing."""
        if not self.deletion_requested:
            self._deletion_requested(reason=reason)

    def record_deletion(self, *, removed: dict[str, int]) -> None:
        """Say that its files and names are gone (counts by kind)."""
        if not self.deletion_requested:
            raise WrongState("Nobody has asked for this job to be deleted.")
        if not self.deleted:
            self._deleted(removed=removed)

    # --- guards ------------------------------------------------------------------------------

    def _check_move(self, move: str) -> None:
        if self.work not in WORK_MOVES[move]:
            raise WrongState(f"The job is {self.work}: it is too late to {move}.")

    def _check_not_leaving(self, move: str) -> None:
        if self.deletion_requested:
            raise WrongState(f"The job is being deleted: it is too late to {move}.")

    def _check_current(self, attempt: int) -> None:
        if self.deleted:
            raise StaleAttempt(f"The job was deleted while attempt {attempt} was paused.")
        if attempt != self.attempt:
            raise StaleAttempt(f"Attempt {attempt} was overtaken by attempt {self.attempt}.")

    # --- what has happened -------------------------------------------------------------------

    @event(AnnotationStarted)
    def _annotation_started(
        self, attempt: int, provenance: dict[str, Any], worker: str, timestamp: Time = None
    ) -> None:
        self.work = WORK_MOVES["start"][self.work]
        self.attempt = attempt
        self.provenance = provenance
        self.started_at = timestamp

    @event(AnnotationCompleted)
    def _annotation_completed(
        self, attempt: int, outcome: dict[str, Any], timestamp: Time = None
    ) -> None:
        self.work = WORK_MOVES["complete"][self.work]
        self._result_stored(outcome["files"].get("result"), timestamp)
        self.outcome = outcome
        self.failure = None
        self.log = outcome["files"].get("log")
        self.finished_at = timestamp

    @event(AnnotationFailed)
    def _annotation_failed(
        self,
        attempt: int,
        failure: dict[str, Any],
        log: dict[str, Any] | None,
        final: bool,
        timestamp: Time = None,
    ) -> None:
        self.work = WORK_MOVES["fail" if final else "try again"][self.work]
        self.failures += 1
        self.failure = failure
        self.log = log
        self.failed_at = timestamp
        self.finished_at = timestamp if final else None

    @event(Cancelled)
    def _cancelled(self, reason: str, timestamp: Time = None) -> None:
        self.work = WORK_MOVES["cancel"][self.work]
        self.finished_at = timestamp

    @event(DeletionRequested)
    def _deletion_requested(self, reason: str) -> None:
        self.deletion_requested = True

    @event(Deleted)
    def _deleted(self, removed: dict[str, int]) -> None:
        self.deleted = True
        self.storage = "removed"
