"""What a backup carries of cold storage: objects that sleep in a class, and one machine's vault.

On one machine both can be read: the embedded cloud copies an object that sleeps, and the stand-in's
archives lie in the data folder. AWS gives neither without a retrieval of hours, and a vault of its
own names its archives itself, so there they stay where they are and the backup refers to them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex
from typing import TYPE_CHECKING, Any, BinaryIO

from domain.errors import NotFound, WrongState
from domain.ports import ObjectHead, ObjectStore
from entrypoints.backup_format import BackupRefused

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from entrypoints.bootstrap import Gas
    from entrypoints.local.vault_book import VaultBook

STANDARD = "STANDARD"
MISSING = ("404", "NoSuchKey")
ARCHIVE_ID = re.compile(r"[\w-]{1,1024}", re.ASCII)  # it becomes a file's name


@dataclass(frozen=True)
class ColdClasses:
    """The classes of ``bucket``; what sleeps is read by way of ``desk`` where it can be copied."""

    client: S3Client
    bucket: str
    desk: str | None  # another bucket; None on AWS, which copies nothing that sleeps

    @contextmanager
    def open(self, files: ObjectStore, head: ObjectHead) -> Iterator[BinaryIO]:
        """The object's bytes; ``NotFound``, or ``WrongState`` when they must be retrieved first."""
        try:
            source = files.open(head.key)
        except WrongState:
            if self.desk is None:
                raise
            with self._awake(head.key, self.desk) as source:
                yield source
        else:
            with source:
                yield source

    def upload(self, key: str, path: Path, storage_class: str) -> None:
        extra = {"ContentType": "application/octet-stream", "StorageClass": storage_class}
        self.client.upload_file(str(path), self.bucket, key, ExtraArgs=extra)

    @contextmanager
    def _awake(self, key: str, desk: str) -> Iterator[BinaryIO]:
        from adapters.objects_s3 import S3Objects

        copy = f"backup/{token_hex(16)}"
        try:
            self._copy(key, desk, copy)
            with S3Objects(self.client, desk).open(copy) as source:
                yield source
        finally:
            self.client.delete_object(Bucket=desk, Key=copy)

    def _copy(self, key: str, desk: str, to: str) -> None:
        from botocore.exceptions import ClientError

        source, extra = {"Bucket": self.bucket, "Key": key}, {"StorageClass": STANDARD}
        try:
            self.client.copy(source, desk, to, ExtraArgs=extra)  # type: ignore[arg-type]
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code in MISSING:
                raise NotFound(f"There is no file {key}.") from error
            if code == "InvalidObjectState":
                raise WrongState(f"The file {key} must be restored first.") from error
            raise


@dataclass(frozen=True)
class Vault:
    """A vault by name; ``book`` has its archives on one machine and is None on AWS."""

    name: str
    book: VaultBook | None

    def archives(self) -> list[dict[str, Any]]:
        return self.book.archives(self.name) if self.book else []

    def content(self, archive_id: str) -> BinaryIO:
        """``NotFound`` when it was deleted meanwhile."""
        try:
            return self._opened().content(archive_id).open("rb")
        except FileNotFoundError as error:
            raise NotFound(f"There is no archive {archive_id}.") from error

    def adopt(self, archive: dict[str, Any], path: Path) -> None:
        """Take an archive under the id it had, so that events that name it stay true."""
        self._opened().adopt(archive | {"vault": self.name}, path)

    def check(self, archive_ids: list[str]) -> None:
        """``BackupRefused`` unless archives of these ids can be taken."""
        if any(not ARCHIVE_ID.fullmatch(each) for each in archive_ids):
            raise BackupRefused("The backup is damaged: it names an archive as none is named.")
        if archive_ids:
            self._opened()

    def _opened(self) -> VaultBook:
        if self.book is None:
            raise BackupRefused(
                "The backup holds archives of one machine's vault, and a vault of AWS takes none"
                " under the id it had. Restore it on one machine instead."
            )
        return self.book


def cold_of(gas: Gas) -> tuple[ColdClasses, Vault]:
    """Those of a service, on one machine or in AWS."""
    from entrypoints.local.vault_book import VaultBook

    stack = gas.settings.stack
    local = "AWS_ENDPOINT_URL" in gas.cloud.environment()
    desk = f"{stack}-uploads" if local else None
    book = VaultBook(gas.settings.data_dir / "standins" / "vault") if local else None
    classes = ColdClasses(gas.cloud.client("s3"), f"{stack}-files", desk)
    return classes, Vault(f"{stack}-results", book)
