"""Local copies of files that never change, named by their digest, for any thread and process.

A copy appears by rename after its digest matched, under a lock, so it is there whole or not; those
who ask while it is fetched wait and find it.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from domain.ports import ObjectStore, TableDamaged

CHUNK = 2**20
UNUSED_SECONDS = 3600.0  # a deletion on another machine is not heard of here
ENDING = ".parquet"
FETCHING = ".fetching"
SPILLED = ".tmp"  # by a DuckDB that was killed
DIGEST = re.compile(r"[0-9a-f]{64}")
DAMAGED = (
    "The table of variants is damaged: it is not the one that was made. Nothing you did. Download"
    " the annotated VCF instead, or run the job again; and tell us the job's id."
)


class Copies:
    """``room``: bytes that copies may take together; the newest stays whatever its size."""

    def __init__(self, store: ObjectStore, folder: Path, *, room: int) -> None:
        self.folder = folder.resolve()
        self._store, self._room = store, room

    def get(self, key: str, sha256: str) -> Path:
        """The copy of the object ``key``, fetched if need be.

        ``NotFound`` when the store has none, ``TableDamaged`` when it has other bytes.
        """
        copy = self._place(sha256)
        if not _touched(copy):
            with self._alone(sha256):
                if not _touched(copy):
                    self._fetch(key, sha256, copy)
                    self._make_room(copy)
        return copy

    def is_whole(self, sha256: str) -> bool:
        """Whether the copy still has the bytes it was made with; one that has not is removed."""
        copy = self._place(sha256)
        try:
            with copy.open("rb") as file:
                whole = hashlib.file_digest(file, "sha256").hexdigest() == sha256
        except FileNotFoundError:
            return False
        if not whole:
            copy.unlink(missing_ok=True)
        return whole

    def forget(self, sha256: str) -> None:
        self._place(sha256).unlink(missing_ok=True)

    def forget_unused(self) -> int:
        """Remove what nobody has asked for in ``UNUSED_SECONDS``, and what was left half done."""
        old = time.time() - UNUSED_SECONDS
        gone = [path for path, at, _ in self._held((ENDING, FETCHING, SPILLED)) if at < old]
        for path in gone:
            path.unlink(missing_ok=True)
        return len(gone)

    def _place(self, sha256: str) -> Path:
        if not DIGEST.fullmatch(sha256):
            raise ValueError(f"not a SHA-256: {sha256[:80]!r}")
        return self.folder / f"{sha256}{ENDING}"

    def _fetch(self, key: str, sha256: str, copy: Path) -> None:
        """To a name of its own first; a killed fetch is written over by the next."""
        fetching = copy.with_suffix(FETCHING)
        found = hashlib.sha256()
        try:
            with self._store.open(key) as source, fetching.open("wb") as target:
                while chunk := source.read(CHUNK):
                    found.update(chunk)
                    target.write(chunk)
            if found.hexdigest() != sha256:
                raise TableDamaged(DAMAGED)
            fetching.rename(copy)
        finally:
            fetching.unlink(missing_ok=True)

    def _make_room(self, newest: Path) -> None:
        """Drop what was not asked for longest; whoever reads it just now keeps it to the end."""
        self.forget_unused()
        held = sorted(self._held((ENDING,)), key=lambda each: each[1])
        taken = sum(size for _, _, size in held)
        for path, _, size in held:
            if taken <= self._room:
                break
            if path != newest:
                path.unlink(missing_ok=True)
                taken -= size

    def _held(self, endings: tuple[str, ...]) -> Iterator[tuple[Path, float, int]]:
        """What is in the folder: path, when it was asked for (POSIX seconds), bytes."""
        for path in self.folder.rglob("*"):
            with suppress(FileNotFoundError):
                if path.suffix in endings:
                    found = path.stat()
                    yield path, found.st_mtime, found.st_size

    @contextmanager
    def _alone(self, sha256: str) -> Iterator[None]:
        """One at a time; locks are shared by the digest's first letters, so that few files stay."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with (self.folder / f".{sha256[:2]}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def _touched(copy: Path) -> bool:
    """Whether it is there; then it counts as asked for now."""
    try:
        os.utime(copy)
    except FileNotFoundError:
        return False
    return True
