"""Where a job's result is, as its events tell: the state that commands check and events change."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from domain.errors import WrongState
from domain.ports import ArchiveRef, ColdFile
from domain.stamped import Stamped


class StorageState(Stamped):
    """What is known of a completed job's files; nothing here decides."""

    storage: str
    work: str
    deletion_requested: bool

    def _nothing_stored(self) -> None:
        """Before there is a result."""
        self.storage = "none"
        self.storage_attempt = 0  # counts moves to the cold and back; an outcome names its own
        self.result: dict[str, Any] | None = None
        self.available_since: datetime | None = None
        self.archive_due: datetime | None = None
        self.archiving_in_place = False
        self.archive_failures = 0
        self.archive_hopeless = False
        self.archive_failed_at: datetime | None = None
        self.archive: dict[str, Any] | None = None
        self.archived_at: datetime | None = None
        self.source_removed = False
        self.retrieval: str | None = None
        self.expected_by: datetime | None = None
        self.thaw_started_at: datetime | None = None
        self.thaw_failure: dict[str, Any] | None = None
        self.thaw_failures = 0
        self.thaw_failed_at: datetime | None = None
        self.input_removed = False

    def _result_stored(self, result: dict[str, Any] | None, at: datetime | None) -> None:
        self.storage = "available"
        self.result = result
        self.available_since = at

    @property
    def source_left(self) -> bool:
        """Whether a readable copy still lies beside the recorded archive."""
        if self.storage != "archived" or self.archive is None or self.result is None:
            return False
        in_place = self.archive["archive_id"] == self.result["key"]
        return not in_place and not self.source_removed

    @property
    def archive_ref(self) -> ArchiveRef:
        """Where the archived copy is; ``WrongState`` when there is none."""
        if self.archive is None:
            raise WrongState("The job has no archive.")
        return ArchiveRef(**self.archive)

    def cold_file(self) -> ColdFile:
        """The copy of the result that was last readable, as its archive knows it."""
        if self.result is None:
            raise WrongState("The job has no result.")
        return ColdFile(job_id=self.id, attempt=self.storage_attempt, **self.result)

    def restored_key(self) -> str:
        """Where this thaw's copy goes: no other copy was or will be there."""
        name = self.cold_file().key.rsplit("/", 1)[-1]
        return f"results/{self.id}/restored-{self.storage_attempt}/{name}"
