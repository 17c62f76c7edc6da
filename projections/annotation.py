"""Annotation work: while anything is due for a hinted job, do the fairest job there is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from domain.context import acting
from domain.due import Step
from domain.errors import StaleAttempt, WrongState
from domain.job import Job
from domain.job_events import Failure
from domain.leases import RENEW_EVERY, Lease, Leases
from domain.outlook import Outlook
from domain.ports import Annotator, Interrupted, Limits, ObjectStore, Records, Views
from domain.service import AnnotationService
from projections.attempt import Attempt
from projections.fairness import fair_order, serve
from projections.handing_over import HandOver
from projections.job_views import OPEN_WORK

MINE = frozenset({Step.ANNOTATE, Step.GIVE_UP})


@dataclass(frozen=True)
class AnnotationWork:
    """What the ``annotation`` queue's hints lead to. Every field is a collaborator."""

    service: AnnotationService
    records: Records
    views: Views
    leases: Leases
    files: ObjectStore
    annotator: Annotator
    limits: Callable[[Job], Limits]
    outlook: Outlook
    hand_over: HandOver
    worker: str
    scratch: Path
    on_error: Callable[[UUID, Exception], None]
    served: dict[str, int]  # owner -> when last, in this process's own counting
    renew_seconds: float = RENEW_EVERY.total_seconds()

    def attend(self, job_id: UUID, *, at_least: int, stopping: Callable[[], bool]) -> None:
        """Work until nothing is due for this job: fairest job first, which may be another one.

        Raises ``NotSeenYet`` when the hint is ahead of what can be read, ``Interrupted`` when the
        worker shall stop; either way, and at any other error, the hint must come back.
        """
        self.service.job(job_id, at_least=at_least)
        failing: set[UUID] = set()
        while self._due(job_id):
            chosen = self._fairest(job_id, failing)
            try:
                self._do(chosen, stopping)
            except Interrupted:
                raise
            except Exception as error:
                if chosen == job_id:
                    raise
                failing.add(chosen)
                self.on_error(chosen, error)

    def _due(self, job_id: UUID) -> Step | None:
        step = self.outlook.due(job_id)
        return step if step in MINE else None

    def _fairest(self, hinted: UUID, failing: set[UUID]) -> UUID:
        for waiting in map(
            UUID, fair_order(self.views.query(OPEN_WORK, "open"), dict(self.served))
        ):
            if waiting == hinted or (waiting not in failing and self._due(waiting)):
                return waiting
        return hinted

    def _do(self, job_id: UUID, stopping: Callable[[], bool]) -> None:
        attempt = self.service.job(job_id).attempt + 1
        lease = self.leases.take(job_id, attempt=attempt, worker=self.worker)
        if lease is None:
            return
        try:
            self._do_leased(lease, stopping)
        finally:
            self.leases.release(lease)
        self.hand_over.leave(job_id, mine=MINE)

    def _do_leased(self, lease: Lease, stopping: Callable[[], bool]) -> None:
        try:
            job = self.service.job(lease.job_id)
            serve(self.served, job.owner)
            step = self.outlook.step(job)
            with acting(f"worker:{self.worker}", correlation_id=job.correlation_id):
                if step is Step.ANNOTATE:
                    self._attempt(job, lease, stopping).run()
                elif step is Step.GIVE_UP:
                    self._give_up(job)
        except (StaleAttempt, WrongState):
            return  # overtaken, cancelled or being deleted: the job has moved on without us
        except Interrupted:
            if stopping():
                raise

    def _attempt(self, job: Job, lease: Lease, stopping: Callable[[], bool]) -> Attempt:
        return Attempt(
            service=self.service,
            records=self.records,
            leases=self.leases,
            files=self.files,
            annotator=self.annotator,
            limits=self.limits(job),
            scratch=self.scratch,
            renew_seconds=self.renew_seconds,
            job=job,
            lease=lease,
            stopping=stopping,
        )

    def _give_up(self, job: Job) -> None:
        self.service.record_failure(
            job.id,
            attempt=job.attempt,
            failure=Failure(
                code="gave_up", line=None, column=None, facts={"attempts": job.attempt}
            ),
            log=None,
            final=True,
        )
