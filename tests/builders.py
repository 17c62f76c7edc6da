"""Jobs in any state, in the words of the domain: ``a_job().started().completed()``."""

from __future__ import annotations

from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Self
from uuid import UUID, uuid4

from domain.context import acting, at
from domain.job import Job
from domain.job_events import Failure, FileRef, InputRef, Outcome
from domain.ports import ArchiveRef, Retrieval
from domain.ports.billing import PaidSubscription

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
AN_INPUT = InputRef(key="inputs/x", bytes=120, etag="e1")
A_FAILURE = Failure(code="engine_crashed", line=None, column=None, facts={})


AN_ARCHIVE = ArchiveRef("glacier_vault", "VAULT", "archive-1", 10, "ab")
A_RETRIEVAL = Retrieval("retrieval-1", "Expedited", "Expedited", NOON + timedelta(minutes=5))


def paid(**changes: Any) -> PaidSubscription:
    """What the payment provider says of a subscription that is paid."""
    whole = PaidSubscription(
        id="sub_1",
        customer="cus_1",
        user=None,
        status="active",
        price="price_1",
        period_end=NOON + timedelta(days=30),
        cancel_at_period_end=False,
    )
    return replace(whole, **changes)


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

    def archiving(self) -> Self:
        return self._do(
            lambda: self.job.start_archive(attempt=self.job.storage_attempt + 1, in_place=False)
        )

    def archived(self, *, in_place: bool = False) -> Self:
        key = self.job.cold_file().key
        ref = replace(AN_ARCHIVE, archive_id=key) if in_place else AN_ARCHIVE
        return self.archiving().recorded(ref)

    def recorded(self, ref: ArchiveRef = AN_ARCHIVE) -> Self:
        return self._do(
            lambda: self.job.record_archived(attempt=self.job.storage_attempt, archive=asdict(ref))
        )

    def left(self) -> Self:
        attempt = self.job.storage_attempt
        return self._do(
            lambda: self.job.record_archive_failure(
                attempt=attempt, reason="premium", retryable=True
            )
        )

    def asked(self) -> Self:
        return self.thawing(retrieval=None)

    def lost(self) -> Self:
        return self._do(
            lambda: self.job.record_thaw_failure(
                attempt=self.job.storage_attempt, reason="retrieval_failed", retryable=True
            )
        )

    def discarded(self) -> Self:
        return self._do(self.job.record_archive_discarded)

    def source_removed(self) -> Self:
        return self._do(self.job.record_source_removed)

    def scheduled(self, due: datetime) -> Self:
        return self._do(lambda: self.job.schedule_archive(due=due, policy="a policy"))

    def thawing(self, *, retrieval: Retrieval | None = A_RETRIEVAL) -> Self:
        self._do(
            lambda: self.job.request_thaw(attempt=self.job.storage_attempt + 1, reason="premium")
        )
        if retrieval is None:
            return self
        return self._do(
            lambda: self.job.record_thaw_started(
                attempt=self.job.storage_attempt, retrieval=retrieval
            )
        )

    def restored(self) -> Self:
        result = FileRef(key=self.job.restored_key(), bytes=10, sha256="ab", etag="e9")
        return self._do(
            lambda: self.job.record_restored(attempt=self.job.storage_attempt, result=result)
        )

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
