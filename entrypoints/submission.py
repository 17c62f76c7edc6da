"""Submitting what was uploaded, the same for pages, API and first start.

The bytes are copied to a place nobody can write to any more, then the event is appended. Every step
may be repeated: the job's id follows from the upload's.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from domain.errors import DomainError, InputRejected, NotFound, PlanLimit
from domain.job import Job
from domain.job_events import InputRef
from domain.plans import PLANS, Plan
from domain.ports import Annotator, Limits, ObjectStore, Options, Records, Views
from domain.ports.annotation import PLAIN
from domain.service import AnnotationService, Recorded, job_id_for
from domain.sizes import size_in_words
from entrypoints.downloads import UPLOAD_ANEW, InputRemoved
from entrypoints.quota import Quota
from entrypoints.uploading import Uploading, check_size, clean, printable
from projections.erasure import LABEL
from projections.job_views import OPEN_WORK, USAGE
from projections.stored_bytes import stored_bytes

PEEK_BYTES = 65_536
CHECKED_WHOLE = PLANS["free"].input_bytes  # a file this small is checked whole before it is a job
LABEL_LENGTH = 200


@dataclass(frozen=True, slots=True)
class Used:
    """What an owner has used of the plan's counts."""

    jobs_open: int
    jobs_today: int
    bytes_stored: int


@dataclass(frozen=True)
class Submission:
    """The use cases before a job exists."""

    service: AnnotationService
    records: Records
    views: Views
    uploading: Uploading
    files: ObjectStore
    annotator: Annotator
    clock: Callable[[], datetime]

    def submit(
        self,
        owner: UUID,
        *,
        upload_id: str,
        reference: str,
        label: str = "",
        filename: str = "",
        options: Options = PLAIN,
    ) -> Recorded[Job]:
        """Check what was uploaded and accept it as a job; again gives the same job.

        ``filename`` is for uploads whose name was not known before (forms without scripts).
        Raises ``NotFound``, ``PlanLimit`` or ``InputRejected``, each with a sentence.
        """
        job_id = job_id_for(owner, upload_id)
        if found := self._accepted(owner, job_id):
            return found
        try:
            upload = self.uploading.find(owner, upload_id)
            return self._accept(
                owner,
                job_id,
                upload,
                reference=reference,
                label=label,
                filename=filename,
                options=options,
            )
        except NotFound:  # the same request beside us may have been faster, and tidied up
            if found := self._accepted(owner, job_id):
                return found
            raise

    def _accepted(self, owner: UUID, job_id: UUID) -> Recorded[Job] | None:
        try:
            return Recorded(self.service.job(job_id, owner=owner), 0)
        except NotFound:
            return None

    def _accept(
        self,
        owner: UUID,
        job_id: UUID,
        upload: dict[str, Any],
        *,
        reference: str,
        label: str,
        filename: str,
        options: Options,
    ) -> Recorded[Job]:
        plan = self.service.plan_of(owner)
        self._check_reference(reference)
        self._check_room(owner, plan)
        self.quota.admit(owner, job_id, plan)
        try:
            stored = self._keep(upload["key"], job_id, reference, plan)
        except DomainError:
            self.quota.withdraw(owner, job_id)
            raise
        names = {
            "filename": clean(filename) if filename else upload["filename"],
            "label": printable(label)[:LABEL_LENGTH],
            "upload": upload["key"],
        }
        self.records.put(LABEL, str(job_id), value=names)
        recorded = self.service.submit_job(
            job_id=job_id, owner=owner, input=stored, reference=reference, options=asdict(options)
        )
        self.uploading.forget(owner, upload["key"])
        return recorded

    @property
    def quota(self) -> Quota:
        return Quota(self.service, self.records, self.clock)

    def usage(self, owner: UUID) -> Used:
        """The owner's open jobs, and those submitted since midnight UTC."""
        rows = self.views.query(OPEN_WORK, "open")
        today = self.clock().date().isoformat()
        return Used(
            bytes_stored=stored_bytes(self.views, owner),
            jobs_open=sum(row["owner"] == str(owner) for _, row in rows),
            jobs_today=(self.views.get(USAGE, str(owner), today) or {"jobs": 0})["jobs"],
        )

    def submit_again(self, owner: UUID, job_id: UUID, *, upload_id: str) -> Recorded[Job]:
        """A new job for the input of an old one; the same ``upload_id`` gives the same job.

        Raises as ``submit`` does; ``InputRemoved`` when the old job's input is gone.
        """
        old = self.service.job(job_id, owner=owner)
        if old.deletion_requested:
            raise NotFound(f"Job {job_id} was deleted.")
        if old.input_removed:
            raise InputRemoved(f"The input of this job was removed. {UPLOAD_ANEW}")
        if found := self._accepted(owner, job_id_for(owner, upload_id)):
            return found
        plan = self.service.plan_of(owner)
        check_size(old.input["bytes"], plan)
        self._check_room(owner, plan)
        label = self.records.get(LABEL, str(job_id))
        names = label.value if label else {"filename": f"{job_id}.vcf", "label": ""}
        key = self.uploading.reserve(owner, upload_id, names["filename"])
        try:
            self.uploading.uploads.copy_from(
                self.files, old.input["key"], key, if_match=old.input["etag"]
            )
            return self.submit(
                owner,
                upload_id=upload_id,
                reference=old.reference,
                label=names["label"],
                options=Options(**old.options),
            )
        finally:  # whether it became a job, was one already, or was refused
            self.uploading.forget(owner, key)

    # --- steps -------------------------------------------------------------------------------

    def _keep(self, key: str, job_id: UUID, reference: str, plan: Plan) -> InputRef:
        """Check the upload and copy it, by its entity tag, to where only the service writes.

        The tag is in the key: who submits the same upload beside us, after other bytes were sent,
        replaces nothing.
        """
        head = self.uploading.uploads.head(key)
        if head is None:
            raise NotFound("Nothing has been uploaded there yet. Upload the file first.")
        check_size(head.bytes, plan)
        whole = head.bytes <= CHECKED_WHOLE
        first = self.uploading.uploads.first_bytes(key, head.bytes if whole else PEEK_BYTES)
        self._peek(first, head.bytes, reference, plan)
        to = f"inputs/{job_id}/{head.etag}"
        kept = self.files.copy_from(self.uploading.uploads, key, to, if_match=head.etag)
        return InputRef(key=kept.key, bytes=kept.bytes, etag=kept.etag)

    def _peek(self, first: bytes, size: int, reference: str, plan: Plan) -> None:
        self.annotator.peek(
            first,
            complete=len(first) >= size,
            reference=reference,
            limits=limits_of(plan),
        )

    # --- limits ------------------------------------------------------------------------------

    def _check_reference(self, reference: str) -> None:
        installed = [r.name for r in self.annotator.references()]
        if reference not in installed:
            raise InputRejected(
                "unknown_reference",
                facts={"reference": reference[:80], "installed": ", ".join(installed)},
            )

    def _check_room(self, owner: UUID, plan: Plan) -> None:
        """As the view knows it: whoever is full is told, to the byte it need not be."""
        stored = stored_bytes(self.views, owner)
        if stored >= plan.stored_bytes:
            raise PlanLimit(
                f"Your jobs' files take {size_in_words(stored)}, and the {plan.title} plan keeps"
                f" {size_in_words(plan.stored_bytes)}. Delete a job you no longer need, then submit"
                " again."
            )


def limits_of(plan: Plan) -> Limits:
    """What an annotation may take for a plan."""
    return Limits(decompressed_bytes=plan.input_bytes) if plan.name == "free" else Limits()
