"""Jobs in any state, in the words of the domain: ``a_job().started().completed()``."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Self
from uuid import UUID, uuid4

from domain.context import acting, at
from domain.job import Job
from domain.job_events import Failure, FileRef, InputRef, Outcome

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
AN_INPUT = InputRef(key="inputs/x", bytes=120, etag="e1")
A_FAILURE = Failure(code="engine_crashed", line=None, column=None, facts={})


def an_outcome(**changes: object) -> Outcome:
    outcome = Outcome(
        files={
            "result": FileRef(key="results/x/1/annotated.vcf.gz", bytes=10, sha256="ab", etag="e2")
        },
        input_sha256="cd",
        records_in=1,
        records_out=1,
        by_consequence={"missense": 1},
        by_impact={"MODERATE": 1},
        skipped={},
        seconds=0.1,
    )
    outcome.update(changes)  # type: ignore[typeddict-item]
    return outcome


class JobBuilder:
    """Each method is one command at the builder's clock, a second later each time."""

    def __init__(self, owner: UUID | None = None) -> None:
        self.now = NOON
        with acting("user:test"), at(self.now):
            self.job = Job.submit(
                uuid4(), owner=owner or uuid4(), input=AN_INPUT, reference="sars-cov-2", options={}
            )

    def started(self) -> Self:
        return self._do(
            lambda: self.job.start_annotation(
                attempt=self.job.attempt + 1, worker="w", provenance={}
            )
        )

    def completed(self) -> Self:
        return self._do(
            lambda: self.job.complete_annotation(attempt=self.job.attempt, outcome=an_outcome())
        )

    def failed(self, *, final: bool = True) -> Self:
        return self._do(
            lambda: self.job.fail_annotation(
                attempt=self.job.attempt, failure=A_FAILURE, log=None, final=final
            )
        )

    def cancelled(self) -> Self:
        return self._do(lambda: self.job.cancel(reason="asked"))

    def deletion_requested(self) -> Self:
        return self._do(lambda: self.job.request_deletion(reason="asked"))

    def deleted(self) -> Self:
        return self._do(lambda: self.job.record_deletion(removed={"files": 1}))

    def _do(self, command: object) -> Self:
        self.now += timedelta(seconds=1)
        with acting("user:test"), at(self.now):
            command()  # type: ignore[operator]
        return self


def a_job(owner: UUID | None = None) -> JobBuilder:
    """A job that was just submitted."""
    return JobBuilder(owner)
