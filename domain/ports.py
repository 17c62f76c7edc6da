"""What the domain and the work need from outside, as protocols. One contract suite per port."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, BinaryIO, Protocol
from uuid import UUID

# --- files ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ObjectHead:
    """What the store knows of one object; ``bytes`` is its size."""

    key: str
    bytes: int
    etag: str
    storage_class: str  # "STANDARD" where the store names none
    modified: datetime


@dataclass(frozen=True, slots=True)
class PresignedPost:
    """A form that uploads straight to the store: ``fields`` first, the file last."""

    url: str
    fields: dict[str, str]


class ObjectStore(Protocol):
    """One bucket. A missing key is ``None`` from ``head`` and ``NotFound`` from everything else."""

    def head(self, key: str) -> ObjectHead | None: ...
    def open(self, key: str, *, if_match: str | None = None) -> BinaryIO:
        """A stream of the whole object; ``WrongState`` when its etag is not ``if_match``."""

    def first_bytes(self, key: str, count: int) -> bytes: ...
    def put(self, key: str, data: bytes, *, content_type: str = ...) -> ObjectHead: ...
    def upload(self, key: str, path: Path, *, content_type: str = ...) -> ObjectHead:
        """Upload a file (managed multipart above the store's threshold)."""

    def copy_from(
        self, source: ObjectStore, key: str, to: str, *, if_match: str | None = None
    ) -> ObjectHead:
        """Server-side copy of ``source``'s ``key`` to ``to`` here."""

    def delete(self, keys: Iterable[str]) -> None:
        """Delete every key; a key that is not there is no error."""

    def list(self, prefix: str = "") -> Iterator[ObjectHead]:
        """All objects under a prefix, across every page."""

    def download_url(self, key: str, *, filename: str, seconds: int) -> str: ...
    def upload_form(
        self, key: str, *, max_bytes: int, seconds: int, redirect: str | None = None
    ) -> PresignedPost:
        """A signed form; the store itself refuses another key or more than ``max_bytes``."""


# --- messages ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message: ``receipt`` names this delivery, ``received`` counts them from 1."""

    body: str
    receipt: str
    received: int


@dataclass(frozen=True, slots=True)
class QueueDepth:
    """How many messages wait, are being worked on, are delayed, or lie in the dead-letter queue."""

    visible: int
    in_flight: int
    delayed: int
    dead: int


class WorkQueue(Protocol):
    """One kind of work. Nothing may depend on a message being unique, ordered or delivered."""

    @property
    def name(self) -> str: ...
    def receive(self, *, wait_seconds: int, limit: int = 1) -> Sequence[Delivery]: ...
    def acknowledge(self, delivery: Delivery) -> None: ...
    def hold(self, delivery: Delivery, seconds: int) -> None:
        """Nobody else sees the message for so long from now; 0 puts it back at once."""

    def send(self, body: str, *, delay_seconds: int = 0) -> None: ...
    def depth(self) -> QueueDepth: ...
    def redrive(self) -> int:
        """Move what lies in the dead-letter queue back to work; how many were moved."""


class Bus(Protocol):
    """Fans public events out to the work queues (attributes: ``type``, ``aggregateversion``)."""

    def publish(self, events: Sequence[Mapping[str, Any]]) -> None:
        """CloudEvents in JSON shape, in log order; raises when any of them was not taken."""


# --- records and views ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Record:
    """One small durable row. ``revision`` counts its writes from 1."""

    pk: str
    sk: str
    value: dict[str, Any]
    revision: int


class Conflict(Exception):
    """Somebody else wrote first: read again and decide again."""


class Records(Protocol):
    """Small durable rows that are not facts of the domain, by kind, partition and sort key.

    ``expected``: None writes whatever is there, 0 only when nothing is, n only over revision n;
    otherwise ``Conflict``. A row past ``expires`` (seconds since the epoch) is as good as absent.
    """

    def get(self, kind: str, pk: str, sk: str = "") -> Record | None: ...
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
        """Write one row and return its new revision."""

    def delete(self, kind: str, pk: str, sk: str = "", *, expected: int | None = None) -> None:
        """Remove one row; no error when it is not there and no revision is expected."""

    def query(
        self,
        kind: str,
        pk: str,
        *,
        after: str = "",
        limit: int | None = None,
        descending: bool = False,
    ) -> list[Record]:
        """Rows of one partition in the order of their sort key, beyond ``after``."""

    def scan(self, kind: str) -> Iterator[Record]:
        """Every row of a kind, in no promised order; for sweeping and backup."""


@dataclass(frozen=True, slots=True)
class Put:
    """A view's row as it shall be."""

    pk: str
    sk: str
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Remove:
    """A view's row that shall be gone."""

    pk: str
    sk: str


Change = Put | Remove


class Views(Protocol):
    """Read models. Rows and position of one view are committed together or not at all."""

    def position(self, view: str) -> int:
        """The last log position the view has seen; 0 before the first."""

    def commit(self, view: str, changes: Sequence[Change], *, after: int, position: int) -> None:
        """Apply changes and move the position from ``after`` to ``position``.

        ``Conflict`` when the view is no longer at ``after``: another reader was faster.
        Later changes to the same row win.
        """

    def get(self, view: str, pk: str, sk: str = "") -> dict[str, Any] | None: ...
    def query(
        self,
        view: str,
        pk: str,
        *,
        after: str = "",
        limit: int | None = None,
        descending: bool = False,
    ) -> list[tuple[str, dict[str, Any]]]:
        """(sort key, row) of one partition beyond ``after`` in the order asked for."""

    def reset(self, view: str) -> None:
        """Forget the view's rows and position, so that it is built again from the first event."""


# --- annotation ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Limits:
    """What one annotation may take. Sizes in bytes, times in seconds."""

    decompressed_bytes: int = 200 * 2**30
    compression_ratio: int = 1000
    header_bytes: int = 5 * 2**20
    contigs: int = 10_000
    line_bytes: int = 2**20
    records_per_position: int = 1_000
    memory_bytes: int = 2 * 2**30
    cpu_seconds: int = 6 * 3600
    wall_seconds: int = 6 * 3600


@dataclass(frozen=True, slots=True)
class Product:
    """One file an annotation made; ``sha256`` in hex, ``bytes`` its size."""

    name: str  # "annotated.vcf.gz", "annotated.vcf.gz.tbi", "log.txt", "summary.json", …
    path: Path
    bytes: int
    sha256: str
    content_type: str


@dataclass(frozen=True, slots=True)
class Provenance:
    """What made a result; every field is in the result's header and in the event."""

    engine: str  # "bcftools csq"
    engine_version: str
    reference: str
    reference_sha256: str  # digest over reference.json's file digests
    parameters: str  # the engine's own options, without paths


@dataclass(frozen=True, slots=True)
class Annotation:
    """The outcome of one successful run."""

    products: tuple[Product, ...]
    input_sha256: str
    provenance: Provenance
    records_in: int
    records_out: int
    by_consequence: dict[str, int] = field(default_factory=dict)
    by_impact: dict[str, int] = field(default_factory=dict)
    skipped: dict[str, int] = field(default_factory=dict)  # reason -> records left unannotated


@dataclass(frozen=True, slots=True)
class ReferenceInfo:
    """One installed reference as shown to people."""

    name: str
    title: str
    organism: str
    assembly: str
    contigs: tuple[tuple[str, int], ...]  # (name, length in bases)
    sha256: str


class Annotator(Protocol):
    """The science. Runs the engine outside this process; never holds a whole file in memory."""

    def references(self) -> Sequence[ReferenceInfo]: ...
    def example(self, reference: str) -> bytes:
        """The reference's example VCF; ``NotFound`` when there is no such reference."""

    def provenance(self, reference: str) -> Provenance: ...
    def peek(self, head: bytes, *, complete: bool, reference: str, limits: Limits) -> None:
        """Refuse early what cannot work, from the first bytes of a file (≤ 64 KB, or all of it).

        ``complete`` says that ``head`` is the whole file. Raises ``InputRejected``.
        """

    def annotate(
        self,
        source: BinaryIO,
        *,
        reference: str,
        workdir: Path,
        limits: Limits,
        progress: Callable[[str, int], None],
        stopped: Callable[[], bool],
    ) -> Annotation:
        """Read ``source`` once to its end and write the products into ``workdir``.

        ``progress(step, percent)`` is told where the run is (steps: checking, annotating, storing);
        when ``stopped()`` turns true the engine is ended and ``Interrupted`` raised. Raises
        ``InputRejected`` for the person's file (``workdir/log.txt`` says more) and ``EngineFailed``
        for anything a second attempt may mend.
        """


class Interrupted(Exception):
    """The run was stopped from outside: cancelled, drained, or its lease was lost."""


class EngineFailed(Exception):
    """The engine ended badly; ``code`` is one of ``domain.rejections.REJECTIONS``."""

    def __init__(self, code: str, detail: str = "") -> None:
        self.code = code
        super().__init__(detail or code)


# --- cold storage --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ColdFile:
    """One result file as its job's events describe it; ``etag`` pins the bytes in the store."""

    job_id: UUID
    attempt: int
    key: str
    bytes: int
    sha256: str
    etag: str


@dataclass(frozen=True, slots=True)
class ArchiveRef:
    """Where an archived file is. JSON values only, because it is part of an event."""

    backend: str  # "s3_glacier" or "glacier_vault"
    storage_class: str  # GLACIER, DEEP_ARCHIVE, GLACIER_IR, or VAULT
    archive_id: str  # the object's key, or the vault's archive id
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Retrieval:
    """A retrieval that was asked for; ``tier_got`` differs from ``tier_asked`` when refused."""

    id: str
    tier_asked: str
    tier_got: str
    expected_by: datetime


class RetrievalState(StrEnum):
    """How far a retrieval is; ``GONE``: none is under way and no output is there (any more)."""

    RUNNING = "running"
    READY = "ready"
    GONE = "gone"
    FAILED = "failed"


class ArchiveFailed(Exception):
    """A step of archive or restore cannot be done now; nothing was deleted.

    ``code`` is stable (``source_missing``, ``source_changed``, ``archive_missing``,
    ``archive_altered``, ``retrieval_failed``, …); ``retryable`` says whether trying again may help.
    """

    def __init__(self, code: str, detail: str = "", *, retryable: bool = True) -> None:
        self.code = code
        self.retryable = retryable
        super().__init__(detail or code)


class Archive(Protocol):
    """Cold storage of result files. Every method may be repeated after a crash at any point."""

    def store(self, file: ColdFile) -> ArchiveRef:
        """Archive the file and check it; ``ArchiveFailed`` when the source is not as recorded.

        Where the copy is the removal (a storage class), finding it done is done.
        """

    def source_is_live(self, file: ColdFile) -> bool:
        """Whether a directly readable copy still lies in the store beside the archive."""

    def remove_source(self, file: ColdFile) -> None:
        """Remove the readable copy; no error when it is gone."""

    def retrieve(self, ref: ArchiveRef, file: ColdFile) -> Retrieval:
        """Ask for the file back, quickest tier first, the next one only when capacity is refused.

        A retrieval that is already under way is found rather than asked for again.
        """

    def state(self, ref: ArchiveRef, file: ColdFile, retrieval_id: str) -> RetrievalState: ...
    def bring_back(self, ref: ArchiveRef, file: ColdFile, retrieval_id: str) -> ObjectHead:
        """Copy a ready retrieval to its old key, readable again, after comparing its SHA-256.

        ``ArchiveFailed`` (``archive_altered``) when it differs; the archive is left as it is.
        """

    def discard(self, ref: ArchiveRef, file: ColdFile) -> None:
        """Delete an archive that is no longer needed; no error when it is gone."""


# --- people --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Identity:
    """Who signed in, as the identity provider says; ``subject`` is the provider's id."""

    subject: str
    name: str
    email: str
    organization: str
    access_token: str


class IdentityProvider(Protocol):
    """The authorization-code flow of an OpenID provider."""

    def authorize_url(self, *, state: str, nonce: str, redirect_uri: str) -> str: ...
    def identify(self, *, code: str, nonce: str, redirect_uri: str) -> Identity:
        """Exchange the code; ``DomainError`` with a sentence when anything does not check."""

    def revoke(self, access_token: str) -> None: ...
    def sign_out_url(self, *, redirect_uri: str) -> str: ...
