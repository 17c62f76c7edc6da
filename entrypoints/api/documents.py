"""The shapes of what the API gives, from which its OpenAPI document is made."""

from __future__ import annotations

from typing import Any, Literal

from flask_openapi3.types import ResponseDict
from pydantic import BaseModel, ConfigDict, Field

from entrypoints.plan_standing import State

Status = Literal["submitted", "running", "completed", "failed", "cancelled"]
Storage = Literal["none", "available", "archiving", "archived", "thawing", "removed"]


class Strict(BaseModel):
    """Nothing beyond what is named here."""

    model_config = ConfigDict(extra="forbid")


class Problem(BaseModel):
    """An error (RFC 9457)."""

    type: str
    title: str
    status: int
    code: str = Field(description="stable; programs decide by it")
    detail: str = Field(description="one sentence for people")
    correlation_id: str = Field(description="name it when you ask us about the error")


# the answer that every operation may give beside its own; 422 is the library's, in our shape
_PROBLEM = {
    "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
}
ERRORS: ResponseDict = {
    "default": {"description": "an error, see its `code`", **_PROBLEM},
    "422": {"description": "a value that cannot be taken", **_PROBLEM},
}


class File(Strict):
    bytes: int
    sha256: str | None = Field(description="in hex; of an input once it was read")


class Progress(Strict):
    step: str
    percent: int


class Failure(Strict):
    code: str
    line: int | None = Field(description="in the input, from 1")
    message: str


class Summary(Strict):
    """Counts of what was annotated; consequences are Sequence Ontology terms."""

    records_in: int
    records_out: int
    by_consequence: dict[str, int]
    by_impact: dict[str, int]
    skipped: dict[str, int] = Field(description="reason -> records left unannotated")
    seconds: float


class JobFacts(Strict):
    """What the log says of a job; times are ISO 8601 in UTC."""

    id: str
    status: Status
    storage: Storage = Field(description="where the result is")
    archives_at: str | None = Field(description="when the result will be archived, if it will be")
    archived_at: str | None = Field(description="since when the result is archived, while it is")
    expected_by: str | None = Field(description="when a result that is being restored is back")
    restore_problem: str | None = Field(
        description="why the last restore came to nothing, in a sentence"
    )
    input_removed: bool = Field(description="the input was kept for its time and is gone")
    reference: str
    options: dict[str, Any]
    submitted_at: str
    started_at: str | None
    completed_at: str | None = Field(description="when it completed, failed or was cancelled")
    attempt: int
    input: File
    result: File | None
    log: File | None
    summary: Summary | None
    products: dict[str, str] = Field(description="every file of the run with its SHA-256")
    error: Failure | None
    provenance: dict[str, str] | None
    version: int = Field(description="how many events it has; also its ETag")


class JobDocument(JobFacts):
    """A job, with what its owner calls it."""

    filename: str
    label: str
    progress: Progress | None


class Jobs(Strict):
    jobs: list[JobDocument] = Field(description="newest first")
    next: str | None = Field(description="cursor of the following page")


class UploadDocument(Strict):
    """POST ``fields`` and then the file, as ``file``, to ``url`` as multipart/form-data."""

    upload_id: str
    url: str
    fields: dict[str, str]
    max_bytes: int
    expires_at: str


class Events(Strict):
    events: list[dict[str, Any]] = Field(description="CloudEvents 1.0, in the order of the log")
    next: int = Field(description="the last position examined: the next `after`")


class Schemas(Strict):
    schemas: dict[str, str] = Field(description="event type: address of its JSON Schema")


class Reference(Strict):
    name: str
    title: str
    organism: str
    assembly: str
    contigs: list[dict[str, Any]] = Field(description="`name` and `length` in bases")
    sha256: str


class References(Strict):
    references: list[Reference]


class PlanDocument(Strict):
    name: str
    title: str
    input_bytes: int
    jobs_at_once: int
    jobs_a_day: int
    stored_bytes: int


class UsageDocument(Strict):
    plan: PlanDocument
    jobs_open: int = Field(description="waiting or running now")
    jobs_today: int = Field(description="submitted since midnight UTC")
    bytes_stored: int = Field(description="of all files of your jobs, archived ones too")


class Subscription(Strict):
    """How the paid plan stands; times are ISO 8601 in UTC."""

    state: State = Field(
        description="ending: cancelled, paid until then; overdue: a payment failed, paid until"
        " then; lapsed: and never came; ended: over"
    )
    until: str | None = Field(description="when the paid plan ends or ended, where it is known")
    archives_again_at: str | None = Field(
        description="from when on results of the paid time are archived again"
    )


class Me(Strict):
    id: str
    name: str
    email: str
    organization: str
    plan: str = Field(description="`name` of the plan, whose limits are in `/usage`")
    subscription: Subscription
    roles: list[str]
    scopes: list[str] = Field(description="what this token allows")
