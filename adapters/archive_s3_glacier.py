"""Results in an S3 storage class (port ``Archive``): the object changes class and keeps its key.

The copy to the class *is* the removal of the readable file, so there is nothing beside the archive.
What comes back is copied to a key of its own, and the archived object is discarded afterwards.
Glacier classes bill 40 KB more for every object and at least 90 days (180 for DEEP_ARCHIVE).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from adapters.objects_s3 import SINGLE_COPY_BYTES, S3Objects
from domain.errors import NotFound, WrongState
from domain.ports import ArchiveFailed, ArchiveRef, ColdFile, ObjectHead, Retrieval, RetrievalState

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

BACKEND = "s3_glacier"
STANDARD = "STANDARD"
# Quickest first; a class without tiers is read at once, and AWS refuses to restore from it.
TIERS: Mapping[str, tuple[str, ...]] = {
    "GLACIER": ("Expedited", "Standard"),
    "DEEP_ARCHIVE": ("Standard",),  # it has no Expedited, though the embedded cloud takes it
    "GLACIER_IR": (),
}
TAKES = {  # what AWS says to expect at most
    ("GLACIER", "Expedited"): timedelta(minutes=5),
    ("GLACIER", "Standard"): timedelta(hours=5),
    ("DEEP_ARCHIVE", "Standard"): timedelta(hours=12),
}
CAPACITY = "GlacierExpeditedRetrievalNotAvailable"
UNDER_WAY = "RestoreAlreadyInProgress"
AWAKE = "ObjectAlreadyInActiveTierError"
COPY_DAYS = 2  # the temporary copy; we need it for minutes
AT_ONCE = "Instant"
CHUNK_BYTES = 2**20


class S3GlacierArchive:
    """Archives in ``bucket`` under one storage class.

    ``client`` should try a refused request few times: a want of capacity is answered with 503.
    """

    def __init__(
        self,
        client: S3Client,
        bucket: str,
        *,
        storage_class: str,
        now: Callable[[], datetime],
    ) -> None:
        if storage_class not in TIERS:
            raise ValueError(f"not a class for archives: {storage_class}")
        self._s3 = client
        self._files = S3Objects(client, bucket)
        self._class = storage_class
        self._now = now

    @property
    def in_place(self) -> bool:
        return True

    def store(self, file: ColdFile) -> ArchiveRef:
        with _translated(file.key):
            return self._store(file)

    def _store(self, file: ColdFile) -> ArchiveRef:
        head = self._files.head(file.key)
        if head is None:
            raise ArchiveFailed("source_missing", f"There is no file {file.key}.", retryable=False)
        if not is_done(head.storage_class, self._class):
            if (head.etag, head.bytes) != (file.etag, file.bytes):
                raise ArchiveFailed("source_changed", f"{file.key} changed.", retryable=False)
            head = self._copy(file.key, file.key, self._class, head.etag)
        return ArchiveRef(BACKEND, head.storage_class, file.key, head.bytes, file.sha256)

    def source_is_live(self, file: ColdFile) -> bool:
        """Never: the object itself is the archive."""
        return False

    def remove_source(self, file: ColdFile) -> None:
        """Nothing to do: the object itself is the archive."""

    def retrieve(self, ref: ArchiveRef, file: ColdFile) -> Retrieval:
        tiers, key = TIERS[ref.storage_class], ref.archive_id
        state = self.state(ref, file, key)
        if state is RetrievalState.READY:
            return Retrieval(key, AT_ONCE, AT_ONCE, self._now())
        if state is RetrievalState.RUNNING:  # S3 does not say by which tier
            return self._expected(ref, tiers[0], tiers[-1])
        with _translated(key):
            got = next(tier for tier in tiers if self._ask(key, tier, last=tier == tiers[-1]))
        return self._expected(ref, tiers[0], got)

    def state(self, ref: ArchiveRef, file: ColdFile, retrieval_id: str) -> RetrievalState:
        """By the object's own words; S3 gives retrievals no id."""
        with _translated(ref.archive_id):
            head = self._s3.head_object(Bucket=self._files.bucket, Key=ref.archive_id)
        if not TIERS.get(head.get("StorageClass", STANDARD)):
            return RetrievalState.READY
        restore = head.get("Restore", "")
        if 'ongoing-request="true"' in restore:
            return RetrievalState.RUNNING
        return RetrievalState.READY if restore else RetrievalState.GONE

    def bring_back(
        self, ref: ArchiveRef, file: ColdFile, retrieval_id: str, *, to: str
    ) -> ObjectHead:
        key = ref.archive_id
        head = self._files.head(key)
        if head is None:
            raise ArchiveFailed("archive_missing", f"{key} is gone.", retryable=False)
        done = self._files.head(to)
        if done is not None and (done.etag, done.storage_class) == (head.etag, STANDARD):
            return done  # before a crash, and compared before that
        with _translated(key):
            if self._sha256(key, head.etag) != file.sha256:
                raise ArchiveFailed("archive_altered", f"{key} differs.", retryable=False)
            return self._copy(key, to, STANDARD, head.etag)

    def discard(self, ref: ArchiveRef, file: ColdFile) -> None:
        head = self._files.head(ref.archive_id)
        if head is not None and head.storage_class != STANDARD:
            self._files.delete([ref.archive_id])

    def _ask(self, key: str, tier: str, *, last: bool) -> bool:
        """Whether the retrieval is under way; False when capacity is refused and a tier is left."""
        from botocore.exceptions import ClientError

        try:
            self._s3.restore_object(
                Bucket=self._files.bucket,
                Key=key,
                RestoreRequest={
                    "Days": COPY_DAYS,
                    "GlacierJobParameters": {"Tier": tier},  # type: ignore[typeddict-item]
                },
            )
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code == CAPACITY and not last:
                return False
            if code not in (UNDER_WAY, AWAKE):
                raise
        return True

    def _expected(self, ref: ArchiveRef, asked: str, got: str) -> Retrieval:
        return Retrieval(ref.archive_id, asked, got, self._now() + TAKES[ref.storage_class, got])

    def _copy(self, key: str, to: str, storage_class: str, etag: str) -> ObjectHead:
        """Copy the object, onto itself or not, only if it is still the one that was looked at."""
        from boto3.s3.transfer import TransferConfig

        bucket = self._files.bucket
        before = self._s3.head_object(Bucket=bucket, Key=key)
        extra: dict[str, Any] = {
            "StorageClass": storage_class,
            "MetadataDirective": "REPLACE",
            "ContentType": before["ContentType"],
            "CopySourceIfMatch": f'"{etag}"',
        }
        self._s3.copy(
            {"Bucket": bucket, "Key": key},
            bucket,
            to,
            ExtraArgs=extra,
            Config=TransferConfig(multipart_threshold=SINGLE_COPY_BYTES, max_concurrency=4),
        )
        after = self._files.head(to)
        if after is None or after.storage_class != storage_class:
            raise ArchiveFailed("not_copied", f"{to} is not in {storage_class} after its copy.")
        return after

    def _sha256(self, key: str, etag: str) -> str:
        digest = hashlib.sha256()
        with self._files.open(key, if_match=etag) as stream:
            while chunk := stream.read(CHUNK_BYTES):
                digest.update(chunk)
        return digest.hexdigest()


def is_done(current: str, wanted: str) -> bool:
    """Whether an object in ``current`` needs no copy to be in ``wanted``.

    AWS refuses to copy an object onto itself within a class, and to copy one that sleeps in
    another Glacier class; the embedded cloud allows both. What sleeps already is archived.
    """
    return current == wanted or bool(TIERS.get(current))


@contextmanager
def _translated(key: str) -> Iterator[None]:
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except NotFound as error:
        raise ArchiveFailed("archive_missing", str(error), retryable=False) from error
    except WrongState as error:
        raise ArchiveFailed("retrieval_gone", str(error)) from error
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code in ("404", "NoSuchKey"):
            raise ArchiveFailed("archive_missing", f"{key} is gone.", retryable=False) from error
        raise ArchiveFailed("store_refused", f"S3 answered {code}.") from error
    except (BotoCoreError, OSError) as error:
        raise ArchiveFailed("store_unreachable", f"S3 cannot be reached: {error}") from error
