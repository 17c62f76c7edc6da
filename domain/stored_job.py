"""Where a job's result is: the storage half of a job's lifecycle.

Every copy of a result has a key of its own that is written once: whoever was paused in the middle
of moving an older copy can harm only that copy.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from domain import storage_events as happened
from domain.errors import StaleAttempt, WrongState
from domain.job_events import FileRef, JobEvent
from domain.ports import Retrieval
from domain.storage_state import StorageState

NO_LONGER_PREMIUM = "no longer premium"  # why a thaw was given up, where nothing is wrong

# move -> {state before: state after}; what is not here is refused
STORAGE_MOVES: dict[str, dict[str, str]] = {
    "archive the result": {"available": "archiving", "archiving": "archiving"},
    "record the archive": {"archiving": "archived"},
    "leave the result where it is": {"archiving": "available"},
    "remove the source": {"archived": "archived"},
    "restore the result": {"archived": "thawing"},
    "record a retrieval": {"thawing": "thawing"},
    "record the restored result": {"thawing": "available"},
    "give the retrieval up": {"thawing": "archived"},
    "discard the archive": {"available": "available"},
    "schedule the archive": {"available": "available"},
}


class StoredJob(StorageState):
    """Storage of a completed job's files: commands that check, then trigger."""

    # --- to the cold -------------------------------------------------------------------------

    def schedule_archive(self, *, due: datetime, policy: str) -> None:
        """Say when the result will be archived; the same time again changes nothing."""
        self._check("schedule the archive")
        if self.archive_due != due:
            self._record(happened.ArchiveScheduled, due=due.isoformat(), policy=policy)

    def unschedule_archive(self, *, reason: str) -> None:
        """Keep the result; without a schedule nothing changes."""
        if self.archive_due is not None and self.storage == "available":
            self._record(happened.ArchiveUnscheduled, reason=reason)

    def start_archive(self, *, attempt: int, in_place: bool) -> None:
        """Begin, or take over, moving the result; anything but the next attempt is stale.

        ``in_place``: the very file changes its class, rather than a copy being made of it.
        """
        self._check("archive the result")
        self._check_next(attempt)
        if self.archive is not None:
            raise WrongState("The archive of an earlier time is still to be discarded.")
        self._record(happened.ArchiveStarted, attempt=attempt, in_place=in_place)

    def record_archived(self, *, attempt: int, archive: dict[str, Any]) -> None:
        """Say where the archived copy is; any attempt but the current one is ``StaleAttempt``."""
        self._check_attempt(attempt, "record the archive")
        self._record(happened.Archived, attempt=attempt, archive=archive)

    def record_archive_failure(self, *, attempt: int, reason: str, retryable: bool) -> None:
        """The result stays as it was: archiving failed, or its owner is spared."""
        self._check_attempt(attempt, "leave the result where it is")
        self._record(happened.ArchiveFailed, attempt=attempt, reason=reason, retryable=retryable)

    def record_source_removed(self) -> None:
        """The readable copy beside the archive is gone; twice changes nothing."""
        self._check("remove the source")
        if not self.source_removed:
            self._record(happened.SourceRemoved)

    # --- back --------------------------------------------------------------------------------

    def request_thaw(self, *, attempt: int, reason: str) -> None:
        """The result shall come back; anything but the next attempt is stale."""
        self._check("restore the result")
        self._check_next(attempt)
        if self.source_left:
            raise WrongState("The source of the archive is still to be removed.")
        self._record(happened.ThawRequested, attempt=attempt, reason=reason)

    def record_thaw_started(self, *, attempt: int, retrieval: Retrieval) -> None:
        """A retrieval is under way, the first or, when its output expired, another one."""
        self._check_attempt(attempt, "record a retrieval")
        if self.retrieval is None or self.retrieval_differs(retrieval):
            self._record(
                happened.ThawStarted,
                attempt=attempt,
                retrieval=retrieval.id,
                tier_asked=retrieval.tier_asked,
                tier_got=retrieval.tier_got,
                expected_by=retrieval.expected_by.isoformat(),
            )

    def retrieval_differs(self, retrieval: Retrieval) -> bool:
        """Whether it is another one, or one with a later promise."""
        promised = self.expected_by
        return (
            self.retrieval != retrieval.id or promised is None or retrieval.expected_by > promised
        )

    def record_restored(self, *, attempt: int, result: FileRef) -> None:
        """The result is readable again, at a new key and with the digest it always had."""
        self._check_attempt(attempt, "record the restored result")
        if self.result is None or result["sha256"] != self.result["sha256"]:
            raise WrongState("The restored file is not the result: its digest differs.")
        self._record(happened.Restored, attempt=attempt, result=dict(result))

    def record_thaw_failure(self, *, attempt: int, reason: str, retryable: bool) -> None:
        """The retrieval came to nothing; the archive is as it was, and another thaw may follow."""
        self._check_attempt(attempt, "give the retrieval up")
        self._record(happened.ThawFailed, attempt=attempt, reason=reason, retryable=retryable)

    def record_archive_discarded(self) -> None:
        """The archive of a result that is back is gone; twice changes nothing."""
        self._check("discard the archive")
        if self.archive is not None:
            self._record(happened.ArchiveDiscarded)

    # --- input -------------------------------------------------------------------------------

    def record_input_removed(self, *, reason: str) -> None:
        """The input is gone; twice changes nothing."""
        if not self.input_removed:
            self._record(happened.InputRemoved, reason=reason)

    def _record(self, event: type[JobEvent], **fields: Any) -> None:
        """The aggregate's own class of the event: the library makes one for each aggregate."""
        self.trigger_event(getattr(type(self), event.__name__), **fields)

    # --- guards ------------------------------------------------------------------------------

    def _check(self, move: str) -> None:
        if self.deletion_requested:
            raise WrongState(f"The job is being deleted: it is too late to {move}.")
        if self.storage not in STORAGE_MOVES[move]:
            raise WrongState(f"The result is {self.storage}: now is not the time to {move}.")

    def _check_next(self, attempt: int) -> None:
        if attempt != self.storage_attempt + 1:
            raise StaleAttempt(f"Move {attempt} cannot start: there were {self.storage_attempt}.")

    def _check_attempt(self, attempt: int, move: str) -> None:
        if attempt != self.storage_attempt:
            raise StaleAttempt(f"Move {attempt} was overtaken by move {self.storage_attempt}.")
        self._check(move)
