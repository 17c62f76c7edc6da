"""The whole service in memory with people on plans and results that go to the cold and back."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from domain.context import acting
from domain.job import Job
from tests.builders import paid
from tests.world import GOOD, Fuse, Generous, World

LATER = timedelta(seconds=301)  # retention, and a retrieval, are five minutes
GRACE = timedelta(days=14, seconds=1)


class ColdWorld(World):
    """``run`` does all that is due now; the clock only moves when a test says so."""

    def __init__(self, tmp_path: Path, *, in_place: bool = False, seed: int = 0) -> None:
        super().__init__(tmp_path, seed=seed, service=Generous)
        self.archive.in_place = in_place
        self.messages = 0

    def run(self) -> None:
        self.keep_views()
        self.gas.sweeper.sweep()
        self.relay()
        self.keep_views()
        while sum(self.work(name) for name in self.queues):
            self.relay()
            self.keep_views()

    def wait(self, how_long: timedelta = LATER) -> None:
        self.time_passes(how_long)
        self.run()

    def job(self, job_id: UUID) -> Job:
        return self.service.job(job_id)

    def say(self, status: str, *, owner: UUID | None = None, **changes: Any) -> None:
        """The payment provider says how the owner's subscription is now."""
        self.messages += 1
        with acting("system:billing"):
            self.gas.service.apply_billing(
                owner or self.owner,
                message=f"evt_{self.messages}",
                ask=lambda: paid(status=status, **changes),
            )

    def upgrade(self) -> None:
        self.say("active")

    def end(self) -> None:
        self.say("canceled")

    # --- jobs in a state -------------------------------------------------------------------------

    def annotated(self, data: bytes = GOOD, upload_id: str = "u") -> UUID:
        job = self.submit(data, upload_id=upload_id)
        self.run()
        return job.id

    def archived(self, upload_id: str = "u") -> UUID:
        job_id = self.annotated(upload_id=upload_id)
        self.wait()
        self.run()
        assert self.job(job_id).storage == "archived"
        return job_id

    def thawing(self) -> UUID:
        job_id = self.archived()
        self.upgrade()
        self.run()
        assert self.job(job_id).storage == "thawing"
        return job_id

    def meet(self, fuse: Fuse) -> None:
        """The next process of the service meets with this fuse."""
        self.start(fuse)

    # --- bytes -----------------------------------------------------------------------------------

    def result_is_whole(self, job_id: UUID) -> bool:
        """Whether the readable result is the one that was made."""
        job = self.job(job_id)
        assert job.storage == "available"
        assert job.result is not None
        with self.files.open(job.result["key"]) as stream:
            return hashlib.sha256(stream.read()).hexdigest() == str(job.result["sha256"])

    def archive_is_whole(self, job_id: UUID) -> bool:
        """Whether the recorded archive has the bytes that were made."""
        job = self.job(job_id)
        data = self.archive.read(job.archive_ref)
        return hashlib.sha256(data).hexdigest() == job.archive_ref.sha256
