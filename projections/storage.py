"""Storage work: do what is due for a hinted job, or for every job of a hinted subscription."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from domain.context import acting
from domain.due import EVER, Step, next_look
from domain.errors import NotFound, StaleAttempt, WrongState
from domain.job import Job
from domain.leases import RENEW_EVERY, Lease, Leases
from domain.outlook import Outlook
from domain.ports import Conflict, Interrupted, Records, Views
from domain.service import AnnotationService
from projections.fairness import Turns
from projections.handing_over import HandOver
from projections.heartbeat import Heartbeat
from projections.storage_due import STORAGE_DUE, restoring_row

ARMED = "armed"  # records: pk job id -> until (ISO 8601): when the job's timer is to go off


@dataclass(frozen=True)
class StorageWork:
    """What the hints of a queue for storage lead to; ``steps`` are the steps it does.

    ``arm`` asks for a hint at a time; it may come early, late, twice or never. ``turns`` says which
    other owners come first; what goes wrong with a job of theirs is told to ``on_error``.
    """

    service: AnnotationService
    records: Records
    views: Views
    leases: Leases
    outlook: Outlook
    steps: Mapping[Step, Callable[[Job], None]]
    arm: Callable[[UUID, datetime], datetime]
    hand_over: HandOver
    turns: Turns
    on_error: Callable[[UUID, Exception], None]
    worker: str
    renew_seconds: float = RENEW_EVERY.total_seconds()

    def attend(self, job_id: UUID, *, at_least: int, stopping: Callable[[], bool]) -> None:
        """Do all that is due. Raises when the hint must come back: it is ahead of what can be
        read, or anything went wrong.
        """
        try:
            job = self.service.job(job_id, at_least=at_least)
        except NotFound:
            subscription = self.service.subscription_at(job_id, at_least=at_least)
            self._tell_of_all(subscription.user, stopping)
            return
        if self.outlook.step(job, hinted=True) in self.steps:
            self._let_others_go_first(job, stopping)
            self._do_all(job, hinted=True)
        self._arm(job_id)

    def _let_others_go_first(self, job: Job, stopping: Callable[[], bool]) -> None:
        """One job of each owner whose turn comes before; their own hints find it done."""
        for line in self.turns.ahead_of(job.id, restoring_row(job)):
            if stopping():
                raise Interrupted
            any(self._goes_on(UUID(other)) for other in line)

    def _goes_on(self, job_id: UUID) -> bool:
        """Whether anything could be done for a job that nobody hinted at."""
        try:
            return self._do_all(self.service.job(job_id), hinted=False)
        except Interrupted:
            raise
        except Exception as error:  # its own hint, or the sweeper's, comes to it again
            self.on_error(job_id, error)
            return False

    def _do_all(self, job: Job, *, hinted: bool) -> bool:
        """Do step after step; whether there was one."""
        done = False
        while self._do_step(job.id, hinted=hinted and not done):
            done = True
        if done:
            self.turns.serve(job.owner)
        return done

    def _tell_of_all(self, owner: UUID, stopping: Callable[[], bool]) -> None:
        """One hint for each of the owner's jobs that is due: they stand in line with others'."""
        for sk, _ in self.views.query(STORAGE_DUE, f"owner:{owner}"):
            if stopping():
                raise Interrupted
            step = self.outlook.due(UUID(sk))
            if step is not None and step in self.steps:
                self.hand_over.tell(step, UUID(sk))

    def _do_step(self, job_id: UUID, *, hinted: bool) -> bool:
        """Do one step of ours; whether there was one."""
        job = self.service.job(job_id)
        if self.outlook.step(job, hinted=hinted) not in self.steps:
            return False
        lease = self.leases.take(job_id, attempt=job.storage_attempt + 1, worker=self.worker)
        if lease is None:
            return False
        try:
            with Heartbeat(lambda: self.leases.renew(lease), seconds=self.renew_seconds):
                done = self._do_leased(lease, hinted=hinted)
        finally:
            self.leases.release(lease)
        self.hand_over.leave(job_id, mine=self.steps)
        return done

    def _do_leased(self, lease: Lease, *, hinted: bool) -> bool:
        job = self.service.job(lease.job_id)
        step = self.outlook.step(job, hinted=hinted)
        if step is None or step not in self.steps:
            return False
        try:
            with acting(f"worker:{self.worker}", correlation_id=job.correlation_id):
                self.steps[step](job)
        except (StaleAttempt, WrongState):
            return False  # overtaken, or being deleted: the job has moved on without us
        return True

    def _arm(self, job_id: UUID) -> None:
        """Ask for a hint when the result is to be archived, unless one is on its way."""
        job = self.service.job(job_id)
        if job.archive_due is None or Step.ARCHIVE not in self.steps:
            return
        look = next_look(self.outlook.situation(job))
        now = self.outlook.clock()
        record = self.records.get(ARMED, str(job_id))
        armed = datetime.fromisoformat(record.value["until"]) if record else EVER
        if look is None or look <= now or armed > now:
            return
        try:
            until = self.arm(job_id, look)
            self.records.put(
                ARMED,
                str(job_id),
                value={"until": until.isoformat()},
                expected=record.revision if record else 0,
            )
        except Conflict:
            return
