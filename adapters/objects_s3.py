"""Files in S3 (port ``ObjectStore``)."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO
from urllib.parse import quote

from domain.errors import NotFound, WrongState
from domain.ports import ObjectHead, ObjectStore, PresignedPost

if TYPE_CHECKING:
    from botocore.response import StreamingBody
    from mypy_boto3_s3 import S3Client

BINARY = "application/octet-stream"
# One segment at least, none of them "." or "..", no empty one, nothing S3 or a disk reads otherwise
# ("${filename}" is a variable in S3's forms).
KEY = re.compile(r"(?!.*(?:^|/)\.{1,2}(?:/|$))[\w.=+-]+(?:/[\w.=+-]+)*", re.ASCII)
KEY_BYTES = 1024
SINGLE_COPY_BYTES = 5 * 2**30  # more needs a multipart copy
BUFFER_BYTES = 256 * 2**10
ASLEEP = ("GLACIER", "DEEP_ARCHIVE")
MISSING = ("404", "NoSuchKey")
CHANGED = ("412", "PreconditionFailed")


class S3Objects:
    """One bucket. Keys are made by us, never by people: a strange one is a ``ValueError``."""

    def __init__(self, client: S3Client, bucket: str, *, page: int = 1000) -> None:
        """``page``: how many keys one request lists or deletes, at most S3's thousand."""
        self._s3 = client
        self._page = page
        self.bucket = bucket

    def head(self, key: str) -> ObjectHead | None:
        try:
            return self._head(key)
        except NotFound:
            return None

    def open(self, key: str, *, if_match: str | None = None) -> BinaryIO:
        condition: Any = {"IfMatch": f'"{if_match}"'} if if_match else {}
        with _translated(key):
            answer = self._s3.get_object(Bucket=self.bucket, Key=_checked(key), **condition)
        return io.BufferedReader(_ObjectStream(answer["Body"]), BUFFER_BYTES)

    def first_bytes(self, key: str, count: int) -> bytes:
        with self.open(key) as stream:
            return stream.read(count)

    def put(self, key: str, data: bytes, *, content_type: str = BINARY) -> ObjectHead:
        self._s3.put_object(
            Bucket=self.bucket, Key=_checked(key), Body=data, ContentType=content_type
        )
        return self._head(key)

    def upload(self, key: str, path: Path, *, content_type: str = BINARY) -> ObjectHead:
        extra = {"ContentType": content_type}
        self._s3.upload_file(str(path), self.bucket, _checked(key), ExtraArgs=extra)
        return self._head(key)

    def copy_from(
        self, source: ObjectStore, key: str, to: str, *, if_match: str | None = None
    ) -> ObjectHead:
        """As the port says; ``source`` must be a bucket the same client reaches."""
        from boto3.s3.transfer import TransferConfig

        if not isinstance(source, S3Objects):
            raise TypeError("S3 copies from S3 only")
        with _translated(key):
            before = self._s3.head_object(Bucket=source.bucket, Key=_checked(key))
            self._s3.copy(
                {"Bucket": source.bucket, "Key": key},
                self.bucket,
                _checked(to),
                ExtraArgs={
                    # A multipart copy forgets the type, so it is always said again.
                    "MetadataDirective": "REPLACE",
                    "ContentType": before["ContentType"],
                    "CopySourceIfMatch": f'"{if_match}"' if if_match else before["ETag"],
                },
                Config=TransferConfig(multipart_threshold=SINGLE_COPY_BYTES, max_concurrency=4),
            )
        return self._head(to)

    def delete(self, keys: Iterable[str]) -> None:
        """As the port says; ``OSError`` names what the store did not delete."""
        wanted = [_checked(key) for key in keys]
        for start in range(0, len(wanted), self._page):
            batch = [{"Key": key} for key in wanted[start : start + self._page]]
            answer = self._s3.delete_objects(
                Bucket=self.bucket,
                Delete={"Objects": batch, "Quiet": True},  # type: ignore[typeddict-item]
            )
            if errors := answer.get("Errors"):
                raise OSError(f"{len(errors)} files were not deleted, the first: {errors[0]}")

    def list(self, prefix: str = "") -> Iterator[ObjectHead]:
        pages = self._s3.get_paginator("list_objects_v2")
        for page in pages.paginate(
            Bucket=self.bucket, Prefix=prefix, PaginationConfig={"PageSize": self._page}
        ):
            for item in page.get("Contents", ()):
                yield ObjectHead(
                    key=item["Key"],
                    bytes=item["Size"],
                    etag=item["ETag"].strip('"'),
                    storage_class=item.get("StorageClass", "STANDARD"),
                    modified=item["LastModified"],
                )

    def download_url(self, key: str, *, filename: str, seconds: int) -> str:
        """As the port says; ``WrongState`` for a file that must be restored first."""
        if (head := self._head(key)).storage_class in ASLEEP:
            raise WrongState("The file is archived: it must be restored before it can be read.")
        return self._s3.generate_presigned_url(
            "get_object",
            Params={
                "Bucket": self.bucket,
                "Key": head.key,
                "ResponseContentDisposition": content_disposition(filename),
            },
            ExpiresIn=seconds,
        )

    def upload_form(
        self, key: str, *, max_bytes: int, seconds: int, redirect: str | None = None
    ) -> PresignedPost:
        fields = {"Content-Type": BINARY}
        if redirect:
            fields["success_action_redirect"] = redirect
        form = self._s3.generate_presigned_post(
            self.bucket,
            _checked(key),
            Fields=dict(fields),
            Conditions=[
                ["content-length-range", 0, max_bytes],
                *({k: v} for k, v in fields.items()),
            ],
            ExpiresIn=seconds,
        )
        return PresignedPost(url=form["url"], fields=form["fields"])

    def _head(self, key: str) -> ObjectHead:
        with _translated(key):
            answer = self._s3.head_object(Bucket=self.bucket, Key=_checked(key))
        return ObjectHead(
            key=key,
            bytes=answer["ContentLength"],
            etag=answer["ETag"].strip('"'),
            storage_class=answer.get("StorageClass", "STANDARD"),
            modified=answer["LastModified"],
        )


def content_disposition(filename: str) -> str:
    """An attachment of that name, in the two spellings of RFC 6266 every browser understands.

    Control characters and what a disk or a header reads otherwise are replaced, so no name can
    leave the download folder or add a header.
    """
    clean = re.sub(
        r'[\x00-\x1f\x7f"\\/:*?<>|%;\u2028\u2029\u202a-\u202e\u2066-\u2069]', "_", filename
    )
    clean = clean.encode(errors="replace").decode().strip(". ")[:200] or "download"
    plain = clean.encode("ascii", errors="replace").decode().replace("?", "_")
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(clean, safe='')}"


def _checked(key: str) -> str:
    if not KEY.fullmatch(key) or len(key) > KEY_BYTES:
        raise ValueError(f"not a key of ours: {key!r}")
    return key


@contextmanager
def _translated(key: str) -> Iterator[None]:
    from botocore.exceptions import ClientError

    try:
        yield
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code in MISSING:
            raise NotFound(f"There is no file {key}.") from error
        if code in CHANGED:
            raise WrongState(f"The file {key} is no longer the one that was asked for.") from error
        if code == "InvalidObjectState":
            raise WrongState(f"The file {key} is archived: it must be restored first.") from error
        raise


class _ObjectStream(io.RawIOBase):
    """botocore's body as Python's raw stream.

    The body itself iterates over kilobytes instead of lines and skips its length check when used
    in a ``with``; beneath a ``BufferedReader`` it does neither.
    """

    def __init__(self, body: StreamingBody) -> None:
        super().__init__()
        self._body = body

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        """``ConnectionError`` when it breaks off before its end."""
        from botocore.exceptions import BotoCoreError

        try:
            return int(self._body.readinto(buffer))
        except BotoCoreError as error:
            raise ConnectionError("The file broke off while it was read.") from error

    def close(self) -> None:
        if not self.closed:
            self._body.close()
        super().close()
