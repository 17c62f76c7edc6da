"""Everything that can happen to a job. Fields are JSON values; topics are for ever."""

from __future__ import annotations

from typing import Any, TypedDict

from domain.stamped import Stamped


class FileRef(TypedDict):
    """One stored file: where it is, its size in bytes, its SHA-256 in hex, its entity tag."""

    key: str
    bytes: int
    sha256: str
    etag: str


class InputRef(TypedDict):
    """The input as accepted: the entity tag pins the very bytes; the worker takes their digest."""

    key: str
    bytes: int
    etag: str


class Outcome(TypedDict):
    """What a completed attempt made."""

    files: dict[str, FileRef]  # "result", "index", "log", "summary", …
    input_sha256: str
    records_in: int
    records_out: int
    by_consequence: dict[str, int]
    by_impact: dict[str, int]
    skipped: dict[str, int]
    seconds: float


class Failure(TypedDict):
    """Why an attempt failed: a code and a place; the sentence is made when it is shown."""

    code: str
    line: int | None
    column: int | None
    facts: dict[str, str | int]


class JobEvent(Stamped.Event):
    """The base of all events of a job."""


# --- work ----------------------------------------------------------------------------------------


class AnnotationStarted(JobEvent):
    TOPIC = "job.annotation_started.v1"
    attempt: int
    worker: str
    provenance: dict[str, Any]


class AnnotationCompleted(JobEvent):
    TOPIC = "job.annotation_completed.v1"
    attempt: int
    outcome: dict[str, Any]


class AnnotationFailed(JobEvent):
    TOPIC = "job.annotation_failed.v1"
    attempt: int
    failure: dict[str, Any]
    log: dict[str, Any] | None
    final: bool


class Cancelled(JobEvent):
    TOPIC = "job.cancelled.v1"
    reason: str


# --- leaving -------------------------------------------------------------------------------------


class DeletionRequested(JobEvent):
    TOPIC = "job.deletion_requested.v1"
    reason: str


class Deleted(JobEvent):
    TOPIC = "job.deleted.v1"
    removed: dict[str, int]
