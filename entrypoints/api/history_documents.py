"""The shapes of a job's history, as ``documents`` has them of all else."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from entrypoints.api.documents import JobFacts, Strict


class HistoryQuery(Strict):
    at: str = Field(
        "", max_length=60, description="also how the job stood at this version or time (ISO 8601)"
    )
    diff: str = Field(
        "", max_length=120, description="also what differs between two of them, as in `2..5`"
    )


class PastJob(JobFacts):
    """A job as it stood, without what can be erased."""

    deletion_requested: bool


class PastState(Strict):
    version: int = Field(description="how many events had happened")
    time: str = Field(description="when the last of them happened")
    job: PastJob


class Change(Strict):
    field: str = Field(description="with a dot for each level, as in `result.sha256`")
    before: Any
    after: Any


class Difference(Strict):
    before: PastState
    after: PastState
    changes: list[Change]


class History(Strict):
    events: list[dict[str, Any]] = Field(description="CloudEvents 1.0, the job's own")
    state: PastState | None = Field(description="the job as it stood at `at`")
    difference: Difference | None = Field(description="what differs between the moments of `diff`")
