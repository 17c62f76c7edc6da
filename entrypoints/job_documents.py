"""Jobs as people and programs read them: the row, what its person calls it, and how far it is."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from domain.errors import DomainError, NotFound
from domain.ports import ObjectStore, Records, Views
from domain.rejections import sentence
from domain.service import AnnotationService
from entrypoints.downloads import (
    DOWNLOADS,
    check_present,
    check_readable,
    named,
    thaw_sentence,
)
from entrypoints.filenames import stem
from projections.attempt import PROGRESS
from projections.erasure import LABEL
from projections.fairness import fair_order
from projections.job_views import JOBS, OPEN_WORK, job_row

LINK_SECONDS = 300
PAGE = 25
LONGEST_PAGE = 100


class BadCursor(DomainError):
    """A cursor that this service did not make."""

    code = "bad_cursor"


@dataclass(frozen=True, slots=True)
class Page:
    """One page of jobs, newest first; ``next`` is the cursor of the following one, or None."""

    jobs: list[dict[str, Any]]
    next: str | None


@dataclass(frozen=True)
class JobDocuments:
    """Reading jobs. One job comes from the log, so it is never behind; lists from the view."""

    service: AnnotationService
    records: Records
    views: Views
    files: ObjectStore

    def get(self, job_id: UUID, *, owner: UUID) -> dict[str, Any]:
        """The job in JSON values; ``NotFound`` for nobody's, another's or a deleted one."""
        return self.document(self.row(job_id, owner))

    def document(self, row: dict[str, Any]) -> dict[str, Any]:
        """A row with names, progress and the failure's sentence; no storage keys."""
        label = self.records.get(LABEL, row["id"])
        names = label.value if label else {"filename": "", "label": ""}
        return {
            **facts_of(row),
            "filename": names["filename"],
            "label": names["label"],
            "progress": self._progress(row),
        }

    def page(
        self,
        owner: UUID,
        *,
        status: str = "",
        reference: str = "",
        label: str = "",
        cursor: str = "",
        limit: int = PAGE,
    ) -> Page:
        """The owner's jobs, newest first, those that fit every filter given."""
        limit = max(1, min(limit, LONGEST_PAGE))
        after = decode_cursor(cursor)
        found: list[tuple[str, dict[str, Any]]] = []
        while len(found) <= limit:
            rows = self.views.query(
                JOBS, f"owner:{owner}", after=after, limit=LONGEST_PAGE, descending=True
            )
            for key, row in rows:
                if _fits(row, status, reference):
                    document = self.document(self._whole(row))
                    if label.lower() in f"{document['label']} {document['filename']}".lower():
                        found.append((key, document))
            if len(rows) < LONGEST_PAGE:
                break
            after = rows[-1][0]
        more = len(found) > limit
        found = found[:limit]
        return Page([d for _, d in found], encode_cursor(found[-1][0]) if more else None)

    def place_in_queue(self, job_id: UUID) -> int | None:
        """How many waiting jobs are served before this one; None when it does not wait."""
        order = fair_order(self.views.query(OPEN_WORK, "open"))
        return order.index(str(job_id)) if str(job_id) in order else None

    def download_url(self, job_id: UUID, what: str, *, owner: UUID) -> str:
        """A link that works for a few minutes, made at the click.

        ``NotFound`` for what the job never had; ``ResultArchived``, ``ResultRestoring``,
        ``InputRemoved`` or ``FileMissing`` for what cannot be read now.
        """
        row = self.row(job_id, owner)
        key, name = self._file(row, what)
        check_readable(row, what, entitled=self.entitled(owner))
        check_present(self.files.head(key), what)
        return self.files.download_url(key, filename=name, seconds=LINK_SECONDS)

    def entitled(self, owner: UUID) -> bool:
        """Whether the owner's results are kept readable now; what cannot be read is raised."""
        return self.service.standing_of(owner).entitled(self.service.clock())

    def text(self, job_id: UUID, what: str, *, owner: UUID, limit: int = 2**20) -> str:
        """The beginning of a text file of the job's, for showing it in a page."""
        key, _ = self._file(self.row(job_id, owner), what)
        return self.files.first_bytes(key, limit).decode(errors="replace")

    def row(self, job_id: UUID, owner: UUID) -> dict[str, Any]:
        """The job with its files' keys, for what reads them; ``NotFound`` as ``get``."""
        job = self.service.job(job_id, owner=owner)
        if job.deletion_requested:
            raise NotFound(f"Job {job_id} was deleted.")
        return job_row(job)

    def _whole(self, row: dict[str, Any]) -> dict[str, Any]:
        """A row of the view; one from before there was an archive is made anew from the log."""
        return row if "stored" in row else job_row(self.service.job(UUID(row["id"])))

    def _file(self, row: dict[str, Any], what: str) -> tuple[str, str]:
        label = self.records.get(LABEL, row["id"])
        filename = label.value["filename"] if label else f"{row['id']}.vcf"
        name = filename if what == "input" else stem(filename) + DOWNLOADS.get(what, "")
        return named(what, row)["key"], name

    def _progress(self, row: dict[str, Any]) -> dict[str, Any] | None:
        if row["status"] != "running":
            return None
        record = self.records.get(PROGRESS, row["id"])
        if record is None or record.value["attempt"] != row["attempt"]:
            return {"step": "checking", "percent": 0}
        return {"step": record.value["step"], "percent": record.value["percent"]}


def facts_of(row: dict[str, Any]) -> dict[str, Any]:
    """What the log alone says of a job, for the outside: no names of persons' files, no keys."""
    files = row["files"]
    return {
        "id": row["id"],
        "status": row["status"],
        **storage_of(row),
        "reference": row["reference"],
        "options": row["options"],
        "submitted_at": row["submitted_at"],
        "started_at": row["started_at"],
        "completed_at": row["completed_at"],
        "attempt": row["attempt"],
        "input": {"bytes": row["input"]["bytes"], "sha256": row["input"]["sha256"]},
        "result": _public(files.get("result")),
        "log": _public(files.get("log")),
        "summary": row["summary"],
        "products": _products(files),
        "error": _error(row["failure"]) if row["status"] == "failed" else None,
        "provenance": row["provenance"],
        "version": row["version"],
    }


def storage_of(row: dict[str, Any]) -> dict[str, Any]:
    """Where the result is, for the outside; a time stands only where it means something."""
    stored, storage = row["stored"], row["storage"]
    cold = storage in {"archived", "thawing"}
    return {
        "storage": storage,
        "archives_at": None if cold else stored["archives_at"],
        "archived_at": stored["archived_at"] if cold else None,
        "expected_by": stored["expected_by"],
        "restore_problem": thaw_sentence(stored["thaw_failure"]) if storage == "archived" else None,
        "input_removed": stored["input_removed"],
    }


def _fits(row: dict[str, Any], status: str, reference: str) -> bool:
    return (not status or row["status"] == status) and (
        not reference or row["reference"] == reference
    )


def _products(files: dict[str, dict[str, Any]]) -> dict[str, str]:
    """Every product of the run by its own name, with its SHA-256."""
    return {file["key"].rsplit("/", 1)[-1]: file["sha256"] for file in files.values()}


def _public(file: dict[str, Any] | None) -> dict[str, Any] | None:
    return {"bytes": file["bytes"], "sha256": file["sha256"]} if file else None


def _error(failure: dict[str, Any] | None) -> dict[str, Any] | None:
    if failure is None:
        return None
    message = sentence(
        failure["code"], line=failure["line"], column=failure["column"], facts=failure["facts"]
    )
    return {"code": failure["code"], "line": failure["line"], "message": message}


def encode_cursor(key: str) -> str:
    """A place in a list, for an address."""
    return base64.urlsafe_b64encode(key.encode()).decode().rstrip("=")


def decode_cursor(cursor: str) -> str:
    """What ``encode_cursor`` was given; ``BadCursor``."""
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        return base64.b64decode(padded, altchars=b"-_", validate=True).decode()
    except ValueError:
        raise BadCursor("That cursor is not one of ours. Start again without it.") from None
