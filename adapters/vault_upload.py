"""Uploads into a Glacier vault: in parts with their tree hashes, one part in memory at a time."""

from __future__ import annotations

import hashlib
import io
from contextlib import suppress
from typing import TYPE_CHECKING, BinaryIO

from adapters.tree_hash import LEAF_BYTES, leaves, root
from domain.ports import ArchiveFailed, ColdFile

if TYPE_CHECKING:
    from mypy_boto3_glacier import GlacierClient

LEAST_PART = 16 * LEAF_BYTES
MOST_PARTS = 10_000


class VaultUpload:
    """Sends files into one vault, which is made when it is first missed."""

    def __init__(self, client: GlacierClient, vault: str, least_part: int = LEAST_PART) -> None:
        self._glacier = client
        self._vault = vault
        self._least_part = least_part

    def send(self, source: BinaryIO, file: ColdFile, description: str) -> str:
        """The new archive's id; ``ArchiveFailed`` unless the bytes have the file's digest."""
        size = part_bytes(file.bytes, self._least_part)
        try:
            upload = self._begin(description, size)
        except self._glacier.exceptions.ResourceNotFoundException:
            self._glacier.create_vault(vaultName=self._vault)  # does nothing to one that is there
            upload = self._begin(description, size)
        try:
            tree = self._send_parts(file, source, upload, size)
            return self._glacier.complete_multipart_upload(
                vaultName=self._vault, uploadId=upload, archiveSize=str(file.bytes), checksum=tree
            )["archiveId"]
        except BaseException:
            with suppress(*_failures()):  # it may be complete, with its answer lost
                self._glacier.abort_multipart_upload(vaultName=self._vault, uploadId=upload)
            raise

    def _begin(self, description: str, size: int) -> str:
        return self._glacier.initiate_multipart_upload(
            vaultName=self._vault, archiveDescription=description, partSize=str(size)
        )["uploadId"]

    def _send_parts(self, file: ColdFile, source: BinaryIO, upload: str, size: int) -> str:
        """The tree hash of the whole, sent one part at a time; never more than one in memory."""
        digest, tree, start = hashlib.sha256(), list[bytes](), 0
        while part := source.read(size):
            digest.update(part)
            tree += leaves(part)
            self._glacier.upload_multipart_part(
                vaultName=self._vault,
                uploadId=upload,
                range=f"bytes {start}-{start + len(part) - 1}/*",
                body=io.BytesIO(part),
                checksum=root(leaves(part)),
            )
            start += len(part)
        if (start, digest.hexdigest()) != (file.bytes, file.sha256):
            raise ArchiveFailed("source_changed", "Its digest differs.", retryable=False)
        return root(tree)


def part_bytes(whole: int, least: int = LEAST_PART) -> int:
    """The smallest power of two mebibytes that needs no more parts than Glacier allows."""
    size = least
    while size * MOST_PARTS < whole:
        size *= 2
    return size


def _failures() -> tuple[type[Exception], ...]:
    """Whatever a request can end in but its answer."""
    from botocore.exceptions import BotoCoreError, ClientError

    return BotoCoreError, ClientError
