"""Uploading and submitting, the same for pages, API and first start.

An upload is a record that says whose it is and where its bytes go; submitting copies the bytes to a
place nobody can write to any more, then appends the event. Every step may be repeated: the job's id
follows from the upload's.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from domain.errors import DomainError, InputRejected, NotFound, PlanLimit
from domain.job import Job
from domain.job_events import InputRef
from domain.plans import PLANS, Plan
from domain.ports import Annotator, Limits, ObjectStore, Options, PresignedPost, Records, Views
from domain.ports.annotation import PLAIN
from domain.service import AnnotationService, Recorded, job_id_for
from entrypoints.downloads import UPLOAD_ANEW, InputRemoved
from entrypoints.quota import Quota
from projections.erasure import LABEL
from projections.job_views import OPEN_WORK, USAGE
from projections.stored_bytes import stored_bytes

UPLOAD = "upload"  # records: pk owner, sk upload id -> key, filename; gone after a day
UPLOAD_LASTS = timedelta(days=1)
FORM_SECONDS = 3600
PEEK_BYTES = 65_536
CHECKED_WHOLE = PLANS["free"].input_bytes  # a file this small is checked whole before it is a job
FILENAME_LENGTH = 200
LABEL_LENGTH = 200


@dataclass(frozen=True, slots=True)
class Upload:
    """Where a file is to be sent; ``form`` goes straight to the store."""

    id: str
    key: str
    max_bytes: int
    form: PresignedPost


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
    uploads: ObjectStore
    files: ObjectStore
    annotator: Annotator
    clock: Callable[[], datetime]

    def begin_upload(
        self, owner: UUID, *, filename: str, upload_id: str | None = None, redirect: str = ""
    ) -> Upload:
        """Reserve a place for one file; ``redirect`` is where a form without scripts comes back.

        ``{upload}`` in ``redirect`` becomes the upload's id.
        """
        plan = self.service.plan_of(owner)
        upload_id = upload_id or uuid4().hex
        key = self._reserve(owner, upload_id, filename)
        form = self.uploads.upload_form(
            key,
            max_bytes=plan.input_bytes,
            seconds=FORM_SECONDS,
            redirect=redirect.replace("{upload}", upload_id) or None,
        )
        return Upload(upload_id, key, plan.input_bytes, form)

    def receive(
        self, owner: UUID, *, filename: str, data: bytes, upload_id: str | None = None
    ) -> str:
        """Take a small file's bytes ourselves (API, paste, example); the upload's id."""
        self._check_size(len(data), self.service.plan_of(owner))
        upload_id = upload_id or uuid4().hex
        self.uploads.put(self._reserve(owner, upload_id, filename), data)
        return upload_id

    def uploaded(self, owner: UUID, upload_id: str) -> dict[str, Any]:
        """What arrived for an upload: ``filename``, ``bytes``; ``NotFound`` while nothing has."""
        upload = self._upload(owner, upload_id)
        head = self.uploads.head(upload["key"])
        if head is None:
            raise NotFound("Nothing has been uploaded there yet. Upload the file first.")
        return {"filename": upload["filename"], "bytes": head.bytes}

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
            upload = self._upload(owner, upload_id)
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
            "filename": _clean(filename) if filename else upload["filename"],
            "label": printable(label)[:LABEL_LENGTH],
            "upload": upload["key"],
        }
        self.records.put(LABEL, str(job_id), value=names)
        recorded = self.service.submit_job(
            job_id=job_id, owner=owner, input=stored, reference=reference, options=asdict(options)
        )
        self._forget(owner, upload["key"])
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

    def check_size(self, owner: UUID, size: int) -> None:
        """Refuse a file of so many bytes before it is sent, where the plan does not take it."""
        self._check_size(size, self.service.plan_of(owner))

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
        self._check_size(old.input["bytes"], plan)
        self._check_room(owner, plan)
        label = self.records.get(LABEL, str(job_id))
        names = label.value if label else {"filename": f"{job_id}.vcf", "label": ""}
        key = self._reserve(owner, upload_id, names["filename"])
        try:
            self.uploads.copy_from(self.files, old.input["key"], key, if_match=old.input["etag"])
            return self.submit(
                owner,
                upload_id=upload_id,
                reference=old.reference,
                label=names["label"],
                options=Options(**old.options),
            )
        finally:  # whether it became a job, was one already, or was refused
            self._forget(owner, key)

    # --- steps -------------------------------------------------------------------------------

    def _reserve(self, owner: UUID, upload_id: str, filename: str) -> str:
        key = f"uploads/{owner}/{upload_id}"
        expires = (self.clock() + UPLOAD_LASTS).timestamp()
        value = {"key": key, "filename": _clean(filename)}
        self.records.put(UPLOAD, str(owner), upload_id, value=value, expires=expires)
        return key

    def _upload(self, owner: UUID, upload_id: str) -> dict[str, Any]:
        record = self.records.get(UPLOAD, str(owner), upload_id)
        if record is None:
            raise NotFound("There is no such upload, or it is older than a day. Upload again.")
        return record.value

    def _forget(self, owner: UUID, key: str) -> None:
        """The job has a copy of its own: nothing of the upload needs to stay."""
        self.uploads.delete([key])
        self.records.delete(UPLOAD, str(owner), key.rsplit("/", 1)[-1])

    def _keep(self, key: str, job_id: UUID, reference: str, plan: Plan) -> InputRef:
        """Check the upload and copy it, by its entity tag, to where only the service writes.

        The tag is in the key: who submits the same upload beside us, after other bytes were sent,
        replaces nothing.
        """
        head = self.uploads.head(key)
        if head is None:
            raise NotFound("Nothing has been uploaded there yet. Upload the file first.")
        self._check_size(head.bytes, plan)
        whole = head.bytes <= CHECKED_WHOLE
        first = self.uploads.first_bytes(key, head.bytes if whole else PEEK_BYTES)
        self._peek(first, head.bytes, reference, plan)
        to = f"inputs/{job_id}/{head.etag}"
        kept = self.files.copy_from(self.uploads, key, to, if_match=head.etag)
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
                f"Your jobs' files take {stored} bytes, which is all the {plan.title} plan keeps"
                f" ({plan.stored_bytes} bytes). Delete a job you no longer need, then submit again."
            )

    def _check_size(self, size: int, plan: Plan) -> None:
        if size == 0:
            raise InputRejected("empty_file")
        if size > plan.input_bytes:
            raise InputRejected("too_large", facts={"bytes": size, "limit": plan.input_bytes})


def limits_of(plan: Plan) -> Limits:
    """What an annotation may take for a plan."""
    return Limits(decompressed_bytes=plan.input_bytes) if plan.name == "free" else Limits()


def _clean(filename: str) -> str:
    """A file's own name: no folders, no control characters, not endless, never empty."""
    name = filename.replace("\\", "/").rsplit("/", 1)[-1]
    return printable(name)[:FILENAME_LENGTH] or "unnamed.vcf"


def printable(text: str) -> str:
    """Without control characters and marks that turn the direction of writing."""
    return "".join(c for c in text if c.isprintable()).strip()
