"""One attempt at annotating one job: run the engine, keep its files, record the outcome."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO

from domain.due import MAX_FAILURES
from domain.errors import InputRejected, NotFound, WrongState
from domain.job import Job
from domain.job_events import Failure, FileRef, Outcome
from domain.leases import Lease, Leases
from domain.ports import (
    Annotation,
    Annotator,
    EngineFailed,
    Interrupted,
    Limits,
    ObjectStore,
    Options,
    Product,
    Records,
)
from domain.service import AnnotationService
from projections.heartbeat import Heartbeat

PROGRESS = "progress"  # records: pk job id -> attempt, step, percent
LOOK_EVERY = 1.0  # seconds between two looks at whether the job still wants to be annotated
# what a product is called among the job's files; any other goes by its own name
ROLES = {
    "annotated.vcf.gz": "result",
    "annotated.vcf.gz.tbi": "index",
    "annotated.vcf.gz.csi": "index",
    "log.txt": "log",
    "summary.json": "summary",
    "stats.txt": "stats",
    "variants.parquet": "table",
}


@dataclass
class Attempt:
    """Everything one attempt needs; ``lease`` is held when it runs."""

    service: AnnotationService
    records: Records
    leases: Leases
    files: ObjectStore
    annotator: Annotator
    limits: Limits
    scratch: Path
    renew_seconds: float
    job: Job
    lease: Lease
    stopping: Callable[[], bool]

    def run(self) -> None:
        """Start, annotate, store, record.

        A file that cannot be annotated is an outcome; ``Interrupted`` and errors of the world
        around are raised, and the next attempt begins anew.
        """
        started = time.monotonic()
        provenance = asdict(
            self.annotator.provenance(self.job.reference, Options(**self.job.options))
        )
        self.service.start_annotation(
            self.job.id,
            attempt=self.lease.attempt,
            worker=self.lease.worker,
            provenance=provenance,
        )
        with tempfile.TemporaryDirectory(dir=self.scratch, prefix="annotate-") as folder:
            workdir = Path(folder)
            with Heartbeat(self._renew, seconds=self.renew_seconds) as heartbeat:
                try:
                    self._annotate(workdir, heartbeat, started)
                except InputRejected as rejection:
                    self._record_failure(_failure_of(rejection), workdir, final=True)
                except EngineFailed as failure:
                    final = self.job.failures + 1 >= MAX_FAILURES
                    self._record_failure(_failure(failure.code), workdir, final=final)

    def _annotate(self, workdir: Path, heartbeat: Heartbeat, started: float) -> None:
        wanted = _Wanted(self, heartbeat)
        with self._input() as source:
            annotation = self.annotator.annotate(
                source,
                reference=self.job.reference,
                workdir=workdir,
                limits=self.limits,
                progress=_Progress(self.records, self.job, self.lease.attempt).tell,
                stopped=wanted.stopped,
                options=Options(**self.job.options),
            )
        files = {ROLES.get(p.name, p.name): self._store(p) for p in annotation.products}
        if heartbeat.lost:
            raise Interrupted("the lease was lost while the files were stored")
        outcome = _outcome(annotation, files, seconds=time.monotonic() - started)
        self.service.record_annotation(self.job.id, attempt=self.lease.attempt, outcome=outcome)

    def _input(self) -> BinaryIO:
        """The very bytes that were submitted, or a rejection that says they are gone."""
        try:
            return self.files.open(self.job.input["key"], if_match=self.job.input["etag"])
        except NotFound:
            raise InputRejected("input_missing") from None
        except WrongState:
            raise InputRejected("input_changed") from None

    def _store(self, product: Product) -> FileRef:
        key = f"results/{self.job.id}/{self.lease.attempt}/{product.name}"
        head = self.files.upload(key, product.path, content_type=product.content_type)
        return FileRef(key=key, bytes=product.bytes, sha256=product.sha256, etag=head.etag)

    def _record_failure(self, failure: Failure, workdir: Path, *, final: bool) -> None:
        self.service.record_failure(
            self.job.id,
            attempt=self.lease.attempt,
            failure=failure,
            log=self._store_log(workdir / "log.txt"),
            final=final,
        )

    def _store_log(self, path: Path) -> FileRef | None:
        import hashlib

        if not path.exists():
            return None
        with path.open("rb") as log:
            digest = hashlib.file_digest(log, "sha256").hexdigest()
        return self._store(
            Product("log.txt", path, path.stat().st_size, digest, "text/plain; charset=utf-8")
        )

    def _renew(self) -> bool:
        return self.leases.renew(self.lease)


class _Wanted:
    """Whether the attempt still makes sense; looks at the job at most every ``LOOK_EVERY``."""

    def __init__(self, attempt: Attempt, heartbeat: Heartbeat) -> None:
        self._attempt = attempt
        self._heartbeat = heartbeat
        self._looked = time.monotonic()
        self._gone = False

    def stopped(self) -> bool:
        if self._heartbeat.lost or self._attempt.stopping():
            return True
        if time.monotonic() - self._looked >= LOOK_EVERY:
            self._looked = time.monotonic()
            job = self._attempt.service.job(self._attempt.job.id)
            self._gone = job.work != "running" or job.deletion_requested
        return self._gone


class _Progress:
    """Writes where the run is, at most once a second; only for people to look at."""

    def __init__(self, records: Records, job: Job, attempt: int) -> None:
        self._records = records
        self._job = job
        self._attempt = attempt
        self._told: tuple[str, float] = ("", 0.0)

    def tell(self, step: str, percent: int) -> None:
        now = time.monotonic()
        last_step, last_time = self._told
        if step == last_step and now - last_time < LOOK_EVERY:
            return
        self._told = (step, now)
        value = {"attempt": self._attempt, "step": step, "percent": percent}
        self._records.put(PROGRESS, str(self._job.id), value=value)


def _outcome(annotation: Annotation, files: dict[str, FileRef], *, seconds: float) -> Outcome:
    return Outcome(
        files=files,
        input_sha256=annotation.input_sha256,
        records_in=annotation.records_in,
        records_out=annotation.records_out,
        by_consequence=annotation.by_consequence,
        by_impact=annotation.by_impact,
        skipped=annotation.skipped,
        seconds=round(seconds, 3),
    )


def _failure(code: str, **facts: Any) -> Failure:
    return Failure(code=code, line=None, column=None, facts=facts)


def _failure_of(rejection: InputRejected) -> Failure:
    return Failure(
        code=rejection.code,
        line=rejection.line,
        column=rejection.column,
        facts=rejection.facts,
    )
