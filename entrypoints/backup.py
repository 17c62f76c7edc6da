"""Backup and restore: log, records and files in one tar, from any store to any other.

Files are packed before the log is taken, up to the position it has then, and again after it: so
everything those events speak of is there, also what is made or goes away meanwhile. What was gone
already when the log was taken is not restored. Views are not part of it: they are rebuilt.

    manifest.json   counts, the SHA-256 of every other member, classes, and what stays in the cold
    log.ndjson      one event a line, in order: position, originator_id, originator_version, topic,
                    state (base64 of the bytes as stored)
    records.ndjson  one record a line
    files/<key>     every object of the files bucket
    vault/<id>      every archive of one machine's vault
    vault.ndjson    one of these archives a line, as the vault lists it
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

from eventsourcing.persistence import ApplicationRecorder, Notification, StoredEvent

from domain.ports import ObjectStore, Record, RecordCopy, Records
from domain.service import AnnotationService
from entrypoints.backup_cold import ColdClasses, Vault
from entrypoints.backup_files import Bytes, Packing
from entrypoints.backup_format import (
    MANIFEST,
    BackupRefused,
    Manifest,
    add_bytes,
    add_lines,
    checked,
    line_of,
    lines,
    opened,
    written,
)

BATCH = 40  # events of as many aggregates fit into one transaction of DynamoDB
# what is of use to a thief alone, or to nobody, in another place
LEFT_BEHIND = frozenset({"session", "session_key", "idempotency", "lease", "upload", "beat"})
ARCHIVED = "job.archived.v1"
VAULT = "glacier_vault"
NO_VAULT = Vault("", None)
T = TypeVar("T")


@dataclass(frozen=True)
class Backup:
    """What is carried: give it the parts of the store to read from or to write to.

    Without ``classes`` what sleeps in one stays where it is, and so does what is in the vault
    unless that has a book.
    """

    service: AnnotationService
    records: Records
    files: ObjectStore
    classes: ColdClasses | None = None
    vault: Vault = NO_VAULT

    def write(self, path: Path) -> Manifest:
        """Write everything to ``path``, which is complete or absent; what it holds.

        ``BackupRefused`` when there is nothing, or no room.
        """
        if not self.service.recorder.max_notification_id():
            raise BackupRefused(
                "The log is empty, so there is nothing to back up. If there should be something,"
                " look whether `gas settings` names the right store, folder and stack."
            )
        manifest = Manifest()
        with written(path) as tar:
            packing = Packing(self._bytes, tar, manifest)
            packing.pack()
            packing.settle()
            archived: set[str] = set()
            events = _noting_archived(self._events(), archived)
            manifest.events = add_lines(tar, manifest, "log.ndjson", events)
            kept = (copy for copy in self.records.copies() if copy.kind not in LEFT_BEHIND)
            records = map(_record_line, kept)
            manifest.records = add_lines(tar, manifest, "records.ndjson", records)
            packing.pack()
            packing.finish()
            if self.vault.book is None:
                manifest.stays |= self._in_the_vault(archived)
            add_bytes(tar, MANIFEST, manifest.to_json())
        return manifest

    def restore(self, path: Path) -> Manifest:
        """Write a backup into an empty store, position for position, and check all of it.

        ``BackupRefused`` before anything is written when the store is not empty or the backup is
        damaged.
        """
        if self.service.recorder.max_notification_id():
            raise BackupRefused(
                "This store already holds events. Restore into an empty one: a new GAS_DATA_DIR,"
                " or new tables."
            )
        with opened(path) as tar:
            manifest = checked(tar)
            self._bytes.check(tar, manifest)
            for batch in _batches(lines(tar, "log.ndjson")):
                self.service.recorder.insert_events([_stored_event(line) for line in batch])
            for batch in _batches(lines(tar, "records.ndjson")):
                self.records.load([_record_copy(line) for line in batch])
            self._bytes.restore(tar, manifest)
        self._verify_log(manifest)
        return manifest

    def _events(self) -> Iterator[dict[str, Any]]:
        recorder = self.service.recorder
        end = recorder.max_notification_id() or 0
        for event in _notifications(recorder, end):
            yield {
                "position": event.id,
                "originator_id": str(event.originator_id),
                "originator_version": event.originator_version,
                "topic": event.topic,
                "state": base64.b64encode(event.state).decode(),
            }

    @property
    def _bytes(self) -> Bytes:
        return Bytes(self.files, self.classes, self.vault)

    def _in_the_vault(self, jobs: Iterable[str]) -> dict[str, str]:
        """Which archive of these jobs is in the vault, as far as events know."""
        archives = [self.service.job(UUID(job)).archive for job in sorted(jobs)]
        ids = [a["archive_id"] for a in archives if a and a["backend"] == VAULT]
        return dict.fromkeys(ids, f"vault {self.vault.name}")

    def _verify_log(self, manifest: Manifest) -> None:
        """Read the log back and compare it, byte for byte, with what the backup says."""
        digest = hashlib.sha256()
        for line in self._events():
            digest.update(line_of(line))
        if digest.hexdigest() != manifest.digests["log.ndjson"]:
            raise BackupRefused("The restored log differs from the backup. Do not use this store.")


def _noting_archived(
    events: Iterator[dict[str, Any]], archived: set[str]
) -> Iterator[dict[str, Any]]:
    for event in events:
        if event["topic"] == ARCHIVED:
            archived.add(event["originator_id"])
        yield event


def _notifications(recorder: ApplicationRecorder, end: int) -> Iterator[Notification]:
    at = 0
    while at < end:
        batch = recorder.select_notifications(
            start=at, limit=BATCH, stop=end, inclusive_of_start=False
        )
        if [n.id for n in batch] != list(range(at + 1, at + 1 + len(batch))) or not batch:
            raise BackupRefused(f"The log has a gap behind position {at}; it cannot be copied.")
        yield from batch
        at = batch[-1].id


def _stored_event(line: dict[str, Any]) -> StoredEvent:
    return StoredEvent(
        originator_id=UUID(line["originator_id"]),
        originator_version=line["originator_version"],
        topic=line["topic"],
        state=base64.b64decode(line["state"]),
    )


def _record_line(copy: RecordCopy) -> dict[str, Any]:
    r = copy.record
    return {
        "kind": copy.kind,
        "pk": r.pk,
        "sk": r.sk,
        "value": r.value,
        "revision": r.revision,
        "expires": copy.expires,
    }


def _record_copy(line: dict[str, Any]) -> RecordCopy:
    record = Record(pk=line["pk"], sk=line["sk"], value=line["value"], revision=line["revision"])
    return RecordCopy(line["kind"], record, line["expires"])


def _batches(items: Iterator[T]) -> Iterator[Sequence[T]]:
    while batch := list(islice(items, BATCH)):
        yield batch
