"""Uploads: where a person's bytes arrive before they are a job's.

An upload is a record that says whose it is and where its bytes go; both are forgotten after a day.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from domain.errors import InputRejected, NotFound
from domain.plans import Plan
from domain.ports import ObjectStore, PresignedPost, Records
from domain.service import AnnotationService

UPLOAD = "upload"  # records: pk owner, sk upload id -> key, filename; gone after a day
UPLOAD_LASTS = timedelta(days=1)
FORM_SECONDS = 3600
FILENAME_LENGTH = 200


@dataclass(frozen=True, slots=True)
class Upload:
    """Where a file is to be sent; ``form`` goes straight to the store."""

    id: str
    key: str
    max_bytes: int
    form: PresignedPost


@dataclass(frozen=True)
class Uploading:
    """Takes files, straight into the store or through us. Every step may be repeated."""

    service: AnnotationService
    records: Records
    uploads: ObjectStore
    clock: Callable[[], datetime]

    def begin(
        self, owner: UUID, *, filename: str, upload_id: str | None = None, redirect: str = ""
    ) -> Upload:
        """Reserve a place for one file; ``redirect`` is where a form without scripts comes back.

        ``{upload}`` in ``redirect`` becomes the upload's id.
        """
        plan = self.service.plan_of(owner)
        upload_id = upload_id or uuid4().hex
        key = self.reserve(owner, upload_id, filename)
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
        check_size(len(data), self.service.plan_of(owner))
        upload_id = upload_id or uuid4().hex
        self.uploads.put(self.reserve(owner, upload_id, filename), data)
        return upload_id

    def uploaded(self, owner: UUID, upload_id: str) -> dict[str, Any]:
        """What arrived for an upload: ``filename``, ``bytes``; ``NotFound`` while nothing has."""
        upload = self.find(owner, upload_id)
        head = self.uploads.head(upload["key"])
        if head is None:
            raise NotFound("Nothing has been uploaded there yet. Upload the file first.")
        return {"filename": upload["filename"], "bytes": head.bytes}

    def check_size(self, owner: UUID, size: int) -> None:
        """Refuse a file of so many bytes before it is sent, where the plan does not take it."""
        check_size(size, self.service.plan_of(owner))

    def reserve(self, owner: UUID, upload_id: str, filename: str) -> str:
        """The key for the bytes of an upload, which is forgotten after a day."""
        key = f"uploads/{owner}/{upload_id}"
        expires = (self.clock() + UPLOAD_LASTS).timestamp()
        value = {"key": key, "filename": clean(filename)}
        self.records.put(UPLOAD, str(owner), upload_id, value=value, expires=expires)
        return key

    def find(self, owner: UUID, upload_id: str) -> dict[str, Any]:
        """``key`` and ``filename`` of the owner's upload; ``NotFound`` with a sentence."""
        record = self.records.get(UPLOAD, str(owner), upload_id)
        if record is None:
            raise NotFound("There is no such upload, or it is older than a day. Upload again.")
        return record.value

    def forget(self, owner: UUID, key: str) -> None:
        """The job has a copy of its own: nothing of the upload needs to stay."""
        self.uploads.delete([key])
        self.records.delete(UPLOAD, str(owner), key.rsplit("/", 1)[-1])


def check_size(size: int, plan: Plan) -> None:
    """Refuse a file of so many bytes where the plan does not take it."""
    if size == 0:
        raise InputRejected("empty_file")
    if size > plan.input_bytes:
        raise InputRejected("too_large", facts={"bytes": size, "limit": plan.input_bytes})


def clean(filename: str) -> str:
    """A file's own name: no folders, no control characters, not endless, never empty."""
    name = filename.replace("\\", "/").rsplit("/", 1)[-1]
    return printable(name)[:FILENAME_LENGTH] or "unnamed.vcf"


def printable(text: str) -> str:
    """Without control characters and marks that turn the direction of writing."""
    return "".join(c for c in text if c.isprintable()).strip()
