"""Files nobody will ask for again: forgotten uploads, and what overtaken attempts left behind.

A lifecycle rule could not tell an overtaken attempt's files from the final one's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any
from uuid import UUID

from domain.errors import NotFound
from domain.job import FINISHED
from domain.ports import ObjectHead, ObjectStore, Views
from domain.service import AnnotationService
from projections.job_views import JOBS, job_row

FORGOTTEN = timedelta(days=1)  # an upload, or a file of no known job
OVERTAKEN = timedelta(hours=1)  # a file of a finished job that its events do not name


@dataclass(frozen=True)
class Leftovers:
    """Removes files; a file that an event names is never touched."""

    service: AnnotationService
    views: Views
    uploads: ObjectStore
    files: ObjectStore
    clock: Callable[[], datetime]

    def remove_uploads(self) -> int:
        """Uploads older than a day, submitted or not: a job has its own copy."""
        return self._remove(self.uploads, self._older(self.uploads.list("uploads/"), FORGOTTEN))

    def remove_files(self) -> int:
        """What no event names: of finished jobs after an hour, of unknown ones after a day."""
        heads = [*self.files.list("inputs/"), *self.files.list("results/")]
        old = sorted(self._older(heads, OVERTAKEN), key=lambda head: _job_of(head.key))
        removed = 0
        for job_id, group in groupby(old, key=lambda head: _job_of(head.key)):
            removed += self._remove(self.files, self._unneeded(job_id, list(group)))
        return removed

    def _unneeded(self, job_id: str, heads: Sequence[ObjectHead]) -> list[ObjectHead]:
        """The view says quickly that all is well; only the log decides that something goes."""
        row = self.views.get(JOBS, "job", job_id)
        if row is not None and {head.key for head in heads} <= _named(row):
            return []
        row = self._row(job_id)
        if row is None:
            return self._older(heads, FORGOTTEN)
        if _busy(row):
            return []
        return [head for head in heads if head.key not in _named(row)]

    def _row(self, job_id: str) -> dict[str, Any] | None:
        with suppress(NotFound, ValueError):
            return job_row(self.service.job(UUID(job_id)))
        return None

    def _older(self, heads: Iterable[ObjectHead], age: timedelta) -> list[ObjectHead]:
        before = self.clock() - age
        return [head for head in heads if head.modified < before]

    def _remove(self, store: ObjectStore, heads: Iterable[ObjectHead]) -> int:
        keys = [head.key for head in heads]
        if keys:
            store.delete(keys)
        return len(keys)


def _job_of(key: str) -> str:
    """``inputs/<job>`` and ``results/<job>/<attempt>/<file>``."""
    return key.split("/")[1]


def _busy(row: dict[str, Any]) -> bool:
    """Whether somebody may be writing a file that no event names yet."""
    if row["deleted"]:
        return False
    return row["status"] not in FINISHED or row["storage"] == "thawing"


def _named(row: dict[str, Any]) -> set[str]:
    """The keys of every file the job's events name; a deleted job has none any more."""
    if row["deleted"]:
        return set()
    stored = row["stored"]
    named = {file["key"] for file in row["files"].values()}
    if row["storage"] == "archived" and stored["source_removed"]:
        named.discard(row["files"]["result"]["key"])
    if stored["archive"]:
        named.add(stored["archive"]["archive_id"])
    return named if stored["input_removed"] else named | {row["input"]["key"]}
