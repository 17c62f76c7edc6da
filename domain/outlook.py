"""What is due for a job right now: the due table over everything that is to be looked up for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from domain.due import Situation, Step, next_step
from domain.job import FINISHED, Job
from domain.leases import Leases
from domain.plans import Policy
from domain.ports import Records
from domain.service import AnnotationService
from domain.subscription import NEVER_PAID

LOOKED = "looked"  # records: pk job id -> at (ISO 8601): when its retrieval was last looked at


@dataclass(frozen=True)
class Outlook:
    """What cannot be read is raised: it never means *no*."""

    service: AnnotationService
    leases: Leases
    records: Records
    policy: Policy
    clock: Callable[[], datetime]

    def due(self, job_id: UUID) -> Step | None:
        """The step that is due for a job, unless somebody is at it."""
        return self.step(self.service.job(job_id), leased=self.leases.is_held(job_id))

    def step(self, job: Job, *, leased: bool = False, hinted: bool = False) -> Step | None:
        """The step for a job that was just read; ``hinted``: its retrieval may be complete."""
        return next_step(self.situation(job, leased=leased, hinted=hinted), self.clock())

    def situation(self, job: Job, *, leased: bool = False, hinted: bool = False) -> Situation:
        # an open job's steps do not depend on its owner's plan, so it is not asked for
        finished = job.work in FINISHED and not job.deletion_requested
        return Situation(
            job,
            standing=self.service.standing_of(job.owner) if finished else NEVER_PAID,
            policy=self.policy,
            leased=leased,
            looked_at=None if hinted or job.storage != "thawing" else self._looked_at(job.id),
        )

    def looked(self, job_id: UUID) -> None:
        """Remember that the retrieval is still under way, so that nobody looks again too soon."""
        self.records.put(LOOKED, str(job_id), value={"at": self.clock().isoformat()})

    def _looked_at(self, job_id: UUID) -> datetime | None:
        record = self.records.get(LOOKED, str(job_id))
        return datetime.fromisoformat(record.value["at"]) if record else None
