"""Backup and restore: log, records and files in one tar, from any store to any other.

The log is taken first, up to the position it has then; records and files after it, so everything
that those events speak of is there. Views are not part of it: they are rebuilt.

    manifest.json   counts and the SHA-256 of every other member
    log.ndjson      one event a line, in order: position, originator_id, originator_version, topic,
                    state (base64 of the bytes as stored)
    records.ndjson  one record a line
    files/<key>     every object of the files bucket
"""

from __future__ import annotations

import base64
import hashlib
import tarfile
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

from eventsourcing.persistence import ApplicationRecorder, Notification, StoredEvent

from domain.ports import ObjectStore, Record, RecordCopy, Records
from domain.service import AnnotationService
from entrypoints.backup_format import (
    MANIFEST,
    BackupRefused,
    Manifest,
    add,
    add_bytes,
    add_lines,
    checked,
    chunks,
    line_of,
    lines,
    opened,
)

BATCH = 40  # events of as many aggregates fit into one transaction of DynamoDB
# what is of use to a thief alone, or to nobody, in another place
LEFT_BEHIND = frozenset({"session", "session_key", "idempotency", "lease", "upload", "beat"})
FILES = "files/"
T = TypeVar("T")


@dataclass(frozen=True)
class Backup:
    """What is carried: give it the parts of the store to read from or to write to."""

    service: AnnotationService
    records: Records
    files: ObjectStore

    def write(self, path: Path) -> Manifest:
        """Write everything to ``path``, which is complete or absent; what it holds."""
        manifest = Manifest()
        partial = path.with_name(path.name + ".partial")
        partial.unlink(missing_ok=True)
        partial.touch(mode=0o600)  # names and addresses are for its owner's eyes
        with tarfile.open(partial, "w") as tar:
            manifest.events = add_lines(tar, manifest, "log.ndjson", self._events())
            kept = (copy for copy in self.records.copies() if copy.kind not in LEFT_BEHIND)
            records = map(_record_line, kept)
            manifest.records = add_lines(tar, manifest, "records.ndjson", records)
            for head in self.files.list():
                with self.files.open(head.key) as source:
                    add(tar, manifest, FILES + head.key, source)
                manifest.files += 1
            add_bytes(tar, MANIFEST, manifest.to_json())
        partial.rename(path)
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
            for batch in _batches(lines(tar, "log.ndjson")):
                self.service.recorder.insert_events([_stored_event(line) for line in batch])
            for batch in _batches(lines(tar, "records.ndjson")):
                self.records.load([_record_copy(line) for line in batch])
            for name in manifest.digests:
                if name.startswith(FILES):
                    self._restore_file(tar, name)
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

    def _restore_file(self, tar: tarfile.TarFile, name: str) -> None:
        with tempfile.NamedTemporaryFile() as copy:
            for chunk in chunks(tar, name):
                copy.write(chunk)
            copy.flush()
            self.files.upload(name.removeprefix(FILES), Path(copy.name))

    def _verify_log(self, manifest: Manifest) -> None:
        """Read the log back and compare it, byte for byte, with what the backup says."""
        digest = hashlib.sha256()
        for line in self._events():
            digest.update(line_of(line))
        if digest.hexdigest() != manifest.digests["log.ndjson"]:
            raise BackupRefused("The restored log differs from the backup. Do not use this store.")


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
