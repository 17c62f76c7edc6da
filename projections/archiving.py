"""Moving results of owners who do not pay to the cold, and keeping those of owners who do."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass

from domain.due import Step
from domain.errors import StaleAttempt, WrongState
from domain.job import Job
from domain.outlook import Outlook
from domain.ports import Archive, ArchiveFailed, ObjectStore
from domain.service import AnnotationService
from domain.stored_job import StoredJob


@dataclass(frozen=True)
class Archiving:
    """One method a step. Each may be repeated after a kill at any point of it."""

    service: AnnotationService
    files: ObjectStore
    archive: Archive
    outlook: Outlook

    @property
    def steps(self) -> Mapping[Step, Callable[[Job], None]]:
        return {
            Step.SCHEDULE: self.schedule,
            Step.UNSCHEDULE: self.unschedule,
            Step.ARCHIVE: self.store,
            Step.FINISH_ARCHIVE: self.store,
            Step.SPARE: self.spare,
            Step.REMOVE_SOURCE: self.remove_source,
            Step.DISCARD_ARCHIVE: self.discard,
            Step.REMOVE_INPUT: self.remove_input,
        }

    def schedule(self, job: Job) -> None:
        due = self.outlook.situation(job).kept_until
        policy = str(self.outlook.policy)
        self._move(job, lambda job: job.schedule_archive(due=due, policy=policy))

    def unschedule(self, job: Job) -> None:
        self._move(job, lambda job: job.unschedule_archive(reason="premium"))

    def store(self, job: Job) -> None:
        """Archive first, record then; what is readable is removed by a later step."""
        attempt = job.storage_attempt + 1
        in_place = self.archive.in_place
        started = self._move(job, lambda job: job.start_archive(attempt=attempt, in_place=in_place))
        file = started.cold_file()
        try:
            ref = self.archive.store(file)
        except ArchiveFailed as failure:
            self._leave(job, attempt, failure.code, retryable=failure.retryable)
            return
        try:
            self._move(job, lambda job: job.record_archived(attempt=attempt, archive=asdict(ref)))
        except (StaleAttempt, WrongState):
            if ref.archive_id != file.key:  # a copy of our own, which nobody will ever ask for
                self.archive.discard(ref, file)
            raise

    def spare(self, job: Job) -> None:
        """The owner pays since it was begun: leave the result, unless it may go at any moment.

        A worker that began to move the file itself may only stand still, so that is finished.
        """
        if not job.archiving_in_place and self.archive.source_is_live(job.cold_file()):
            self._leave(job, job.storage_attempt, "premium", retryable=True)
        else:
            self.store(job)

    def remove_source(self, job: Job) -> None:
        self.archive.remove_source(job.cold_file())
        self._move(job, StoredJob.record_source_removed)

    def discard(self, job: Job) -> None:
        self.archive.discard(job.archive_ref, job.cold_file())
        self._move(job, StoredJob.record_archive_discarded)

    def remove_input(self, job: Job) -> None:
        """Said first: a file that no event names any more goes in any case (``Leftovers``)."""
        self._move(job, lambda job: job.record_input_removed(reason="kept long enough"))
        self.files.delete([job.input["key"]])

    def _leave(self, job: Job, attempt: int, reason: str, *, retryable: bool) -> None:
        self._move(
            job,
            lambda job: job.record_archive_failure(
                attempt=attempt, reason=reason, retryable=retryable
            ),
        )

    def _move(self, job: Job, command: Callable[[StoredJob], None]) -> Job:
        return self.service.store_result(job.id, command).aggregate
