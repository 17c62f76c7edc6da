"""Files in an object store."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, Protocol


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
