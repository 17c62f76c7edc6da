"""Use cases of jobs."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

from eventsourcing.application import AggregateNotFoundError
from eventsourcing.persistence import IntegrityError

from domain.commands import Commands, Recorded, position_of
from domain.context import at
from domain.errors import NotFound, NotSeenYet, VersionMismatch
from domain.job import Job
from domain.job_events import Failure, FileRef, InputRef, Outcome
from domain.stored_job import StoredJob


def job_id_for(owner: UUID, upload_id: str) -> UUID:
    """One upload is one job: submitting it again, from any page or retry, finds the same job.

    The owner is part of it, so whoever learns of another's upload gets a job of their own.
    """
    return uuid5(NAMESPACE_URL, f"gas:upload:{owner}:{upload_id}")


class JobCommands(Commands):
    """One method a use case."""

    def submit_job(
        self,
        *,
        job_id: UUID,
        owner: UUID,
        input: InputRef,
        reference: str,
        options: dict[str, Any],
    ) -> Recorded[Job]:
        """Accept a job; the same id again is the same job and changes nothing.

        ``NotFound`` when the id is another owner's.
        """
        with at(self.clock()):
            job = Job.submit(job_id, owner=owner, input=input, reference=reference, options=options)
            try:
                return Recorded(job, position_of(self.save(job)))
            except IntegrityError:
                return Recorded(self.job(job_id, owner=owner), 0)

    def start_annotation(
        self, job_id: UUID, *, attempt: int, worker: str, provenance: dict[str, Any]
    ) -> Recorded[Job]:
        return self._change_job(
            job_id,
            lambda job: job.start_annotation(attempt=attempt, worker=worker, provenance=provenance),
        )

    def record_annotation(self, job_id: UUID, *, attempt: int, outcome: Outcome) -> Recorded[Job]:
        return self._change_job(
            job_id, lambda job: job.complete_annotation(attempt=attempt, outcome=outcome)
        )

    def record_failure(
        self,
        job_id: UUID,
        *,
        attempt: int,
        failure: Failure,
        log: FileRef | None,
        final: bool,
    ) -> Recorded[Job]:
        return self._change_job(
            job_id,
            lambda job: job.fail_annotation(attempt=attempt, failure=failure, log=log, final=final),
        )

    def cancel_job(
        self, job_id: UUID, *, owner: UUID, reason: str = "asked", if_version: int | None = None
    ) -> Recorded[Job]:
        """Stop a job; ``VersionMismatch`` unless it is at ``if_version``, where one is given."""
        return self._change_job(
            job_id, lambda job: job.cancel(reason=reason), owner=owner, if_version=if_version
        )

    def request_deletion(
        self, job_id: UUID, *, owner: UUID, if_version: int | None = None
    ) -> Recorded[Job]:
        """Have a job removed; ``VersionMismatch`` as in ``cancel_job``."""
        return self._change_job(
            job_id,
            lambda job: job.request_deletion(reason="asked"),
            owner=owner,
            if_version=if_version,
        )

    def record_deletion(self, job_id: UUID, *, removed: dict[str, int]) -> Recorded[Job]:
        return self._change_job(job_id, lambda job: job.record_deletion(removed=removed))

    def store_result(self, job_id: UUID, move: Callable[[StoredJob], None]) -> Recorded[Job]:
        """One of ``StoredJob``'s commands; what it refuses is raised."""
        return self._change_job(job_id, move)

    def job(
        self,
        job_id: UUID,
        *,
        owner: UUID | None = None,
        at_least: int = 0,
        version: int | None = None,
    ) -> Job:
        """The job as it stands, or as it stood at a version.

        ``NotFound`` when there is none or ``owner`` is somebody else; ``NotSeenYet`` when fewer
        than ``at_least`` versions can be read.
        """
        try:
            job: Job = self._load(job_id, version)
        except AggregateNotFoundError:
            if at_least:
                raise NotSeenYet(f"Job {job_id} cannot be read yet.") from None
            raise NotFound(f"There is no job {job_id}.") from None
        if not isinstance(job, Job) or (owner is not None and job.owner != owner):
            raise NotFound(f"There is no job {job_id}.")
        if job.version < at_least:
            raise NotSeenYet(f"Job {job_id}: version {job.version} of {at_least} can be read.")
        return job

    def job_version_at(self, job_id: UUID, then: datetime) -> int:
        """The last version of a job that there was at a time; 0 before its first event."""
        events: Iterable[Any] = self.events.get(job_id)
        return max((e.originator_version for e in events if e.timestamp <= then), default=0)

    def _change_job(
        self,
        job_id: UUID,
        decide: Callable[[Job], None],
        owner: UUID | None = None,
        if_version: int | None = None,
    ) -> Recorded[Job]:
        def load() -> Job:
            job = self.job(job_id, owner=owner)
            if if_version not in {None, job.version}:
                raise VersionMismatch(
                    f"The job is at version {job.version}, not {if_version}: look at it again."
                )
            return job

        return self._change(load, decide)
