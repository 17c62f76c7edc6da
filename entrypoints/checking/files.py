"""The promises about files, each a pure function of the facts; ``digests_match`` reads them."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, BinaryIO

from domain.errors import NotFound, WrongState
from domain.job import FINISHED, Job
from entrypoints.checking.facts import Facts
from entrypoints.checking.findings import Finding

STANDARD = "STANDARD"
STRAY = timedelta(hours=25)  # a day, and until housekeeping has come round
SHA256 = re.compile("[0-9a-f]{64}")
CHUNK_BYTES = 2**20
FROM_BACKUP = "Restore it from a backup, or have the owner submit the file again."
REFERENCES = "references/"  # shared ones lie in the same bucket and belong to everybody
HOUSEKEEPING = "Housekeeping removes such files: see the log of the sweeper's process."


@dataclass(frozen=True, slots=True)
class Named:
    """A file as a job's events name it; ``sha256`` is empty where none was recorded."""

    job: Job
    role: str
    key: str
    bytes: int
    sha256: str

    @property
    def may_be_cold(self) -> bool:
        return self.role == "result" and self.job.storage in {"archiving", "archived", "thawing"}

    @property
    def may_be_gone(self) -> bool:
        """Whether an event took it away, or announced that it will go."""
        job = self.job
        if job.deletion_requested or (self.role == "input" and job.input_removed):
            return True
        elsewhere = job.archive is not None and job.archive["archive_id"] != self.key
        return self.role == "result" and job.storage in {"archived", "thawing"} and elsewhere


def files_of(job: Job) -> Iterator[Named]:
    """Every file the job's events name, where it is now."""
    outcome = job.outcome or {}
    files: dict[str, Any] = dict(outcome.get("files", {}))
    if job.log:
        files["log"] = job.log
    if job.result:
        files["result"] = job.result
    for role, file in files.items():
        yield Named(job, role, file["key"], file["bytes"], file.get("sha256", ""))
    yield Named(job, "input", job.input["key"], job.input["bytes"], outcome.get("input_sha256", ""))


def what_was_made_is_there(facts: Facts) -> Iterator[Finding]:
    """No completed job without digests; files are there in their size, or an event took them."""
    for each in facts.jobs:
        for named in files_of(each.job):
            if fault := _fault(named, facts):
                yield Finding("what_was_made_is_there", fault, FROM_BACKUP, str(each.job.id))


def what_is_readable_is_not_cold(facts: Facts) -> Iterator[Finding]:
    """Files lie in a cold class only when the events say so."""
    for each in facts.jobs:
        for named in files_of(each.job):
            head = facts.files.get(named.key)
            if head and head.storage_class != STANDARD and not named.may_be_cold:
                yield Finding(
                    "what_is_readable_is_not_cold",
                    f"Its {named.role} lies in the class {head.storage_class},"
                    f" but its events say it is {each.job.storage}.",
                    "Restore the object in S3 and copy it back to STANDARD.",
                    str(each.job.id),
                )


def every_file_belongs_to_a_job(facts: Facts) -> Iterator[Finding]:
    """Every file belongs to a job or is younger than a day."""
    needed = _needed(facts)
    jobs = {str(each.job.id): each.job for each in facts.jobs}
    for key, head in [*facts.files.items(), *facts.uploads.items()]:
        owner = jobs.get(key.split("/")[1]) if key.count("/") else None
        under_way = owner is not None and owner.work not in FINISHED and not owner.deleted
        if key.startswith(REFERENCES):
            continue
        if key not in needed and not under_way and facts.now - head.modified > STRAY:
            yield Finding(
                "every_file_belongs_to_a_job",
                f"The file {key} belongs to no job and is older than a day.",
                HOUSEKEEPING,
                str(owner.id) if owner else "",
            )


def digests_match(
    facts: Facts, open_file: Callable[[str], BinaryIO], *, read: Callable[[int], None]
) -> Iterator[Finding]:
    """Reads every readable file and compares its SHA-256; ``read`` is told of bytes."""
    for each in facts.jobs:
        for named in files_of(each.job):
            head = facts.files.get(named.key)
            if head is None or head.storage_class != STANDARD or not named.sha256:
                continue
            try:
                digest = _sha256(open_file, named.key, read)
            except (NotFound, WrongState):  # it went its way while we read others
                continue
            if digest != named.sha256:
                yield Finding(
                    "what_was_made_is_there",
                    f"Its {named.role} is not what was recorded: its SHA-256 differs.",
                    FROM_BACKUP,
                    str(each.job.id),
                )


def _fault(named: Named, facts: Facts) -> str:
    """What is wrong with a file, or nothing."""
    recorded = SHA256.fullmatch(named.sha256) is not None
    if named.job.work == "completed" and not recorded:
        return f"It is completed, but its events have no SHA-256 of its {named.role}."
    head = facts.files.get(named.key)
    if head is None:
        return "" if named.may_be_gone else f"Its {named.role} is missing ({named.key})."
    if head.bytes != named.bytes:
        return f"Its {named.role} has {head.bytes} bytes, but {named.bytes} were recorded."
    return ""


def _needed(facts: Facts) -> set[str]:
    kept = [each.job for each in facts.jobs if not each.job.deleted]
    archives = {job.archive["archive_id"] for job in kept if job.archive}
    return archives | {named.key for job in kept for named in files_of(job)}


def _sha256(open_file: Callable[[str], BinaryIO], key: str, read: Callable[[int], None]) -> str:
    digest = hashlib.sha256()
    with open_file(key) as stream:
        while chunk := stream.read(CHUNK_BYTES):
            digest.update(chunk)
            read(len(chunk))
    return digest.hexdigest()
