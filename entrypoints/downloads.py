"""What of a job can be downloaded now, and the sentence where it cannot.

The state of the job says what may be read; the store is asked too before a link is made, so that
no link leads to a file that is gone or sleeps in a cold class.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from domain.errors import DomainError, NotFound
from domain.ports import ObjectHead
from domain.stored_job import NO_LONGER_PREMIUM

COLD = frozenset({"GLACIER", "DEEP_ARCHIVE", "GLACIER_IR"})
# what can be downloaded -> what is added to the file's own name
DOWNLOADS = {
    "result": ".annotated.vcf.gz",
    "index": ".annotated.vcf.gz.tbi",
    "log": ".log.txt",
    "summary": ".summary.json",
    "stats": ".stats.txt",
    "table": ".variants.parquet",
}
STAYS = "Log, summary and table of variants stay readable."
UPLOAD_ANEW = "Upload the file anew to run it again."
# why a restore came to nothing -> the sentence, if that is a problem; another reason is OTHERWISE
THAW_FAILURES: dict[str, str | None] = {
    "archive_missing": "The archived file cannot be found. We keep looking; tell us the job's id.",
    "archive_altered": "The archived file is not the one that was stored, so it was not given out."
    " Tell us the job's id.",
    NO_LONGER_PREMIUM: None,
}
OTHERWISE = "The archive did not hand it out. It is tried again by itself."


class ResultArchived(DomainError):
    """The result lies in the archive, and nobody asked for it."""

    code = "result_archived"


class ResultRestoring(DomainError):
    """The result is on its way back from the archive."""

    code = "result_restoring"


class InputRemoved(DomainError):
    """The input was kept for its time and is gone."""

    code = "input_removed"


class FileMissing(DomainError):
    """The job's events know of a file that the store does not have."""

    code = "file_missing"


def check_readable(row: dict[str, Any], what: str, *, entitled: bool) -> None:
    """Refuse what the job's row (``projections.job_views.job_row``) says cannot be read now."""
    if what == "input" and row["stored"]["input_removed"]:
        raise InputRemoved(f"The input was removed: it had been kept long enough. {UPLOAD_ANEW}")
    if what == "result" and row["storage"] in {"archiving", "archived", "thawing"}:
        raise _refusal(row, entitled)


def check_present(head: ObjectHead | None, what: str) -> None:
    """Refuse what the store does not have, or does not hand out at once."""
    if head is None:
        raise FileMissing(
            f"The {what} should be here, but the file store does not have it. Nothing you did:"
            " tell us the job's id."
        )
    if head.storage_class in COLD:
        raise ResultArchived(f"The {what} is being archived; upgrade to Premium to restore it.")


def thaw_sentence(failure: dict[str, Any] | None) -> str | None:
    """Why the last restore came to nothing, for people."""
    return THAW_FAILURES.get(failure["reason"], OTHERWISE) if failure else None


def _refusal(row: dict[str, Any], entitled: bool) -> DomainError:
    stored, storage = row["stored"], row["storage"]
    if storage == "thawing":
        expected = f", expected by {moment(stored['expected_by'])}" if stored["expected_by"] else ""
        return ResultRestoring(f"The result is being restored{expected}. {STAYS}")
    if storage == "archiving":
        since = "The result is being archived"
    else:
        since = f"The result has been archived since {moment(stored['archived_at'])}"
    if not entitled:
        return ResultArchived(f"{since}; upgrade to Premium to restore it. {STAYS}")
    failed = thaw_sentence(stored["thaw_failure"])
    return ResultRestoring(f"{since}. {failed or 'It is restored by itself.'} {STAYS}")


def moment(time: str) -> str:
    """An ISO time for a sentence."""
    found = datetime.fromisoformat(time)
    return f"{found.day} {found:%b %Y, %H:%M} UTC"


def named(what: str, row: dict[str, Any]) -> dict[str, Any]:
    """The file of a row by what it is called outside; ``NotFound`` with a sentence."""
    if what == "input":
        return dict(row["input"])
    file: dict[str, Any] | None = row["files"].get(what)
    if what not in DOWNLOADS or file is None:
        waiting = row["status"] in {"submitted", "running"}
        raise NotFound(
            f"This job has no {what}: it is {row['status']}."
            + (" Wait until it is completed." if waiting else "")
        )
    return file
