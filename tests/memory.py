"""Stores and queues in memory, for laws that need thousands of runs.

They pass the same contract suites as the real ones; see ``tests/adapters``.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, BinaryIO

from domain.errors import NotFound, WrongState
from domain.ports import (
    ArchiveFailed,
    ArchiveRef,
    Change,
    ColdFile,
    Conflict,
    Delivery,
    ObjectHead,
    PresignedPost,
    Put,
    QueueDepth,
    Record,
    RecordCopy,
    Retrieval,
    RetrievalState,
)
from domain.ports.mails import Mail, MailFailed
from projections.listeners import LISTENERS


class MemoryObjects:
    """The ``ObjectStore`` port."""

    def __init__(self) -> None:
        self.objects: dict[str, tuple[ObjectHead, bytes]] = {}

    def head(self, key: str) -> ObjectHead | None:
        found = self.objects.get(key)
        return found[0] if found else None

    def open(self, key: str, *, if_match: str | None = None) -> BinaryIO:
        head, data = self._find(key)
        if head.storage_class != "STANDARD":
            raise WrongState(f"{key} is asleep")
        if if_match is not None and head.etag != if_match:
            raise WrongState(f"{key} has changed")
        return io.BytesIO(data)

    def first_bytes(self, key: str, count: int) -> bytes:
        return self._find(key)[1][:count]

    def put(self, key: str, data: bytes, *, content_type: str = "") -> ObjectHead:
        etag = hashlib.md5(data, usedforsecurity=False).hexdigest()
        head = ObjectHead(key, len(data), etag, "STANDARD", datetime.now(UTC))
        self.objects[key] = (head, data)
        return head

    def upload(self, key: str, path: Path, *, content_type: str = "") -> ObjectHead:
        return self.put(key, path.read_bytes())

    def copy_from(
        self, source: Any, key: str, to: str, *, if_match: str | None = None
    ) -> ObjectHead:
        with source.open(key, if_match=if_match) as stream:
            return self.put(to, stream.read())

    def delete(self, keys: Iterable[str]) -> None:
        for key in keys:
            self.objects.pop(key, None)

    def list(self, prefix: str = "") -> Iterator[ObjectHead]:
        return iter([h for k, (h, _) in sorted(self.objects.items()) if k.startswith(prefix)])

    def download_url(self, key: str, *, filename: str, seconds: int) -> str:
        return f"memory:{key}?filename={filename}&seconds={seconds}"

    def upload_form(
        self, key: str, *, max_bytes: int, seconds: int, redirect: str | None = None
    ) -> PresignedPost:
        return PresignedPost("memory:", {"key": key, "max": str(max_bytes)})

    def change_class(self, key: str, storage_class: str) -> ObjectHead:
        """In place, as a copy onto itself does."""
        head, data = self._find(key)
        self.objects[key] = (replace(head, storage_class=storage_class), data)
        return self.objects[key][0]

    def asleep(self, key: str) -> bytes:
        """What an archive reads of an object in a class nobody else can read."""
        return self._find(key)[1]

    def _find(self, key: str) -> tuple[ObjectHead, bytes]:
        if key not in self.objects:
            raise NotFound(f"There is no object {key}.")
        return self.objects[key]


class MemoryQueue:
    """The ``WorkQueue`` port without a clock: what is held comes back when a test says so."""

    MAX_RECEIVED = 5

    def __init__(self, name: str) -> None:
        self._name = name
        self.visible: list[Delivery] = []
        self.held: dict[str, Delivery] = {}
        self.dead: list[Delivery] = []
        self._count = 0

    @property
    def name(self) -> str:
        return self._name

    def send(self, body: str, *, delay_seconds: int = 0) -> None:
        self._count += 1
        delivery = Delivery(body, f"{self._name}-{self._count}", 0)
        if delay_seconds:
            self.held[delivery.receipt] = delivery
        else:
            self.visible.append(delivery)

    def receive(self, *, wait_seconds: int, limit: int = 1) -> Sequence[Delivery]:
        taken: list[Delivery] = []
        while self.visible and len(taken) < limit:
            delivery = self.visible.pop(0)
            if delivery.received >= self.MAX_RECEIVED:
                self.dead.append(delivery)
                continue
            delivery = replace(delivery, received=delivery.received + 1)
            self.held[delivery.receipt] = delivery
            taken.append(delivery)
        return taken

    def acknowledge(self, delivery: Delivery) -> None:
        self.held.pop(delivery.receipt, None)

    def hold(self, delivery: Delivery, seconds: int) -> None:
        if seconds == 0 and delivery.receipt in self.held:
            self.visible.append(self.held.pop(delivery.receipt))

    def time_passes(self) -> None:
        """Everything held becomes visible again."""
        self.visible.extend(self.held.values())
        self.held.clear()

    def depth(self) -> QueueDepth:
        return QueueDepth(len(self.visible), len(self.held), 0, len(self.dead))

    def redrive(self) -> int:
        moved = len(self.dead)
        self.visible.extend(replace(d, received=0) for d in self.dead)
        self.dead.clear()
        return moved


class MemoryBus:
    """The ``Bus`` port: fans out to memory queues as LISTENERS says."""

    def __init__(self, queues: Mapping[str, MemoryQueue]) -> None:
        self.queues = queues

    def publish(self, events: Sequence[Mapping[str, Any]]) -> None:
        for event in events:
            for name, types in LISTENERS.items():
                if event["type"] in types:
                    self.queues[name].send(json.dumps(event))


class MemoryTimer:
    """The ``Timer`` port: a held message, which comes when time passes."""

    def __init__(self, queue: MemoryQueue, now: Callable[[], datetime]) -> None:
        self._queue = queue
        self._now = now

    def schedule(self, hint: str, *, at: datetime) -> datetime:
        self._queue.send(hint, delay_seconds=1)
        return max(at, self._now())


class MemoryMailer:
    """The ``Mailer`` port; the next failures are queued in ``fails``.

    A failure that is ``unsure`` comes after the mail went out, any other before.
    """

    def __init__(self) -> None:
        self.sent: list[Mail] = []
        self.fails: list[MailFailed] = []

    def send(self, mail: Mail) -> str:
        failure = self.fails.pop(0) if self.fails else None
        if failure is None or failure.unsure:
            self.sent.append(mail)
        if failure:
            raise failure
        return f"mail-{len(self.sent)}"

    def subjects(self) -> list[str]:
        return [mail.subject for mail in self.sent]


class MemoryArchive:
    """The ``Archive`` port, as a vault or (``in_place``) as a storage class.

    ``capacity`` False refuses the quick tier; ``expire`` takes retrieved outputs away.
    """

    RETRIEVAL = timedelta(minutes=5)

    def __init__(
        self, files: MemoryObjects, now: Callable[[], datetime], *, in_place: bool = False
    ) -> None:
        self.files = files
        self.now = now
        self.in_place = in_place
        self.vault: dict[str, bytes] = {}
        self.retrievals: dict[str, tuple[str, datetime]] = {}
        self.capacity = True
        self._count = 0

    def store(self, file: ColdFile) -> ArchiveRef:
        head = self.files.head(file.key)
        if head is None:
            raise ArchiveFailed("source_missing", retryable=False)
        if (head.etag, head.bytes) != (file.etag, file.bytes):
            raise ArchiveFailed("source_changed", retryable=False)
        if self.in_place:
            self.files.change_class(file.key, "GLACIER")
            return ArchiveRef("s3_glacier", "GLACIER", file.key, file.bytes, file.sha256)
        self._count += 1
        archive = f"archive-{self._count}"
        self.vault[archive] = self.files.open(file.key, if_match=file.etag).read()
        return ArchiveRef("glacier_vault", "VAULT", archive, file.bytes, file.sha256)

    def source_is_live(self, file: ColdFile) -> bool:
        return not self.in_place and self.files.head(file.key) is not None

    def remove_source(self, file: ColdFile) -> None:
        if not self.in_place:
            self.files.delete([file.key])

    def retrieve(self, ref: ArchiveRef, file: ColdFile) -> Retrieval:
        self.read(ref)
        for found, (archive, ready) in self.retrievals.items():
            if archive == ref.archive_id:
                return Retrieval(found, "Expedited", "Standard", ready)
        self._count += 1
        asked, ready = f"retrieval-{self._count}", self.now() + self.RETRIEVAL
        self.retrievals[asked] = (ref.archive_id, ready)
        return Retrieval(asked, "Expedited", "Expedited" if self.capacity else "Standard", ready)

    def state(self, ref: ArchiveRef, file: ColdFile, retrieval_id: str) -> RetrievalState:
        if retrieval_id not in self.retrievals:
            return RetrievalState.GONE
        _, ready = self.retrievals[retrieval_id]
        return RetrievalState.READY if ready <= self.now() else RetrievalState.RUNNING

    def bring_back(
        self, ref: ArchiveRef, file: ColdFile, retrieval_id: str, *, to: str
    ) -> ObjectHead:
        data = self.read(ref)
        if retrieval_id not in self.retrievals:
            raise ArchiveFailed("retrieval_gone")
        if hashlib.sha256(data).hexdigest() != file.sha256:
            raise ArchiveFailed("archive_altered", retryable=False)
        return self.files.put(to, data)

    def discard(self, ref: ArchiveRef, file: ColdFile) -> None:
        self.vault.pop(ref.archive_id, None)
        head = self.files.head(ref.archive_id)
        if head is not None and head.storage_class != "STANDARD":
            self.files.delete([ref.archive_id])
        self.expire(ref.archive_id)

    def expire(self, archive_id: str = "") -> None:
        """Outputs of retrievals are there for a while only."""
        for asked, (archive, _) in list(self.retrievals.items()):
            if archive_id in ("", archive):
                del self.retrievals[asked]

    def read(self, ref: ArchiveRef) -> bytes:
        try:
            if ref.backend == "s3_glacier":
                return self.files.asleep(ref.archive_id)
            return self.vault[ref.archive_id]
        except (KeyError, NotFound):
            raise ArchiveFailed("archive_missing", retryable=False) from None


class MemoryRecords:
    """The ``Records`` port; rows do not expire."""

    def __init__(self) -> None:
        self.rows: dict[tuple[str, str, str], Record] = {}

    def get(self, kind: str, pk: str, sk: str = "") -> Record | None:
        return deepcopy(self.rows.get((kind, pk, sk)))

    def put(
        self,
        kind: str,
        pk: str,
        sk: str = "",
        *,
        value: Mapping[str, Any],
        expected: int | None = None,
        expires: float | None = None,
    ) -> int:
        revision = self._check(kind, pk, sk, expected) + 1
        stored = json.loads(json.dumps(value))
        self.rows[kind, pk, sk] = Record(pk=pk, sk=sk, value=stored, revision=revision)
        return revision

    def delete(self, kind: str, pk: str, sk: str = "", *, expected: int | None = None) -> None:
        self._check(kind, pk, sk, expected)
        self.rows.pop((kind, pk, sk), None)

    def query(
        self,
        kind: str,
        pk: str,
        *,
        after: str = "",
        limit: int | None = None,
        descending: bool = False,
    ) -> list[Record]:
        rows = [r for (k, p, _), r in self.rows.items() if (k, p) == (kind, pk)]
        rows.sort(key=lambda r: r.sk, reverse=descending)
        beyond = [r for r in rows if not after or ((r.sk < after) if descending else r.sk > after)]
        return deepcopy(beyond[:limit])

    def scan(self, kind: str) -> Iterator[Record]:
        return iter(deepcopy([r for (k, _, _), r in self.rows.items() if k == kind]))

    def copies(self) -> Iterator[RecordCopy]:
        return iter([RecordCopy(k, deepcopy(r), None) for (k, _, _), r in self.rows.items()])

    def load(self, copies: Iterable[RecordCopy]) -> None:
        for copy in copies:
            self.rows[copy.kind, copy.record.pk, copy.record.sk] = deepcopy(copy.record)

    def remove_expired(self) -> int:
        return 0

    def _check(self, kind: str, pk: str, sk: str, expected: int | None) -> int:
        row = self.rows.get((kind, pk, sk))
        revision = row.revision if row else 0
        if expected is not None and revision != expected:
            raise Conflict(f"{kind} {pk} {sk}: at revision {revision}, expected {expected}")
        return revision


class MemoryViews:
    """The ``Views`` port."""

    def __init__(self) -> None:
        self.rows: dict[str, dict[tuple[str, str], str]] = {}
        self.positions: dict[str, int] = {}

    def position(self, view: str) -> int:
        return self.positions.get(view, 0)

    def commit(self, view: str, changes: Sequence[Change], *, after: int, position: int) -> None:
        if self.position(view) != after:
            raise Conflict(f"view {view} is at {self.position(view)}, not {after}")
        rows = self.rows.setdefault(view, {})
        for change in changes:
            if isinstance(change, Put):
                rows[change.pk, change.sk] = json.dumps(change.data)
            else:
                rows.pop((change.pk, change.sk), None)
        self.positions[view] = position

    def get(self, view: str, pk: str, sk: str = "") -> dict[str, Any] | None:
        data = self.rows.get(view, {}).get((pk, sk))
        return json.loads(data) if data else None

    def query(
        self,
        view: str,
        pk: str,
        *,
        after: str = "",
        limit: int | None = None,
        descending: bool = False,
    ) -> list[tuple[str, dict[str, Any]]]:
        rows = sorted(
            ((s, d) for (p, s), d in self.rows.get(view, {}).items() if p == pk),
            reverse=descending,
        )
        beyond = [
            (s, d) for s, d in rows if not after or ((s < after) if descending else s > after)
        ]
        return [(s, json.loads(d)) for s, d in beyond[:limit]]

    def scan(self, view: str) -> Iterator[tuple[str, str, dict[str, Any]]]:
        rows = self.rows.get(view, {}).items()
        return iter([(pk, sk, json.loads(data)) for (pk, sk), data in rows])

    def reset(self, view: str) -> None:
        self.rows.pop(view, None)
        self.positions.pop(view, None)
