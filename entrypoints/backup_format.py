"""The file a backup is: a tar whose manifest has the SHA-256 of every other member."""

from __future__ import annotations

import errno
import hashlib
import io
import json
import tarfile
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from domain.errors import DomainError

FORMAT = "gas-backup-2"
READABLE = ("gas-backup-1", FORMAT)  # the first knew nothing of cold storage
MANIFEST = "manifest.json"
FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class BackupRefused(DomainError):
    """The backup cannot be used, or there is no room for it; the sentence says why."""

    code = "backup_refused"


@dataclass
class Manifest:
    """What a backup holds; ``digests`` has the SHA-256 of every member by name.

    ``classes`` has the storage class of files by key where it is not STANDARD. ``stays`` has what
    is in cold storage that cannot be read, by key or archive id, and where that is. ``gone`` has
    members that went away before the log was taken.
    """

    events: int = 0
    records: int = 0
    files: int = 0
    archives: int = 0
    digests: dict[str, str] = field(default_factory=dict)
    classes: dict[str, str] = field(default_factory=dict)
    stays: dict[str, str] = field(default_factory=dict)
    gone: list[str] = field(default_factory=list)

    def to_json(self) -> bytes:
        return json.dumps({"format": FORMAT, **vars(self)}, indent=1).encode()

    @classmethod
    def from_json(cls, data: bytes) -> Manifest:
        fields = json.loads(data)
        if fields.pop("format", None) not in READABLE:
            raise BackupRefused(f"This is no backup in the formats {', '.join(READABLE)}.")
        return cls(**fields)


def add_lines(
    tar: tarfile.TarFile, manifest: Manifest, name: str, lines: Iterable[dict[str, Any]]
) -> int:
    """Add a member of NDJSON; how many lines it has."""
    count = 0
    with tempfile.TemporaryFile() as file:
        for line in lines:
            file.write(line_of(line))
            count += 1
        file.seek(0)
        add(tar, manifest, name, file)
    return count


def add(tar: tarfile.TarFile, manifest: Manifest, name: str, source: IO[bytes]) -> None:
    """Add a stream of unknown length: tar wants the size first, so it is spooled to disk."""
    digest = hashlib.sha256()
    with tempfile.TemporaryFile() as spool:
        while chunk := source.read(2**20):
            digest.update(chunk)
            spool.write(chunk)
        info = tarfile.TarInfo(name)
        info.size = spool.tell()
        spool.seek(0)
        tar.addfile(info, spool)
    manifest.digests[name] = digest.hexdigest()


def add_bytes(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    """Add a small member that the manifest does not cover: the manifest itself."""
    info = tarfile.TarInfo(name)
    info.size = len(data)
    tar.addfile(info, io.BytesIO(data))


@contextmanager
def written(path: Path) -> Iterator[tarfile.TarFile]:
    """A tar for writing that is at ``path`` when all went well, and nowhere when not.

    ``BackupRefused`` when nothing can be written there, or no more.
    """
    partial = path.with_name(path.name + ".partial")
    try:
        partial.unlink(missing_ok=True)
        partial.touch(mode=0o600)  # names and addresses are for its owner's eyes
    except OSError as error:
        raise BackupRefused(
            f"{path} cannot be written: {error.strerror}. Choose another place."
        ) from error
    try:
        with tarfile.open(partial, "w") as tar:
            yield tar
        partial.rename(path)
    except OSError as error:
        if error.errno not in FULL:
            raise
        raise BackupRefused(
            f"{path} cannot be finished: {error.strerror}. Make room for it, beside it and in"
            f" {tempfile.gettempdir()}, or choose another place."
        ) from error
    finally:
        partial.unlink(missing_ok=True)


@contextmanager
def unpacked(tar: tarfile.TarFile, name: str) -> Iterator[Path]:
    """A member as a file for the time being."""
    with tempfile.NamedTemporaryFile() as copy:
        for chunk in chunks(tar, name):
            copy.write(chunk)
        copy.flush()
        yield Path(copy.name)


def opened(path: Path) -> tarfile.TarFile:
    """The tar for reading; ``BackupRefused`` when it is none."""
    try:
        return tarfile.open(path, "r:")
    except (tarfile.TarError, OSError) as error:
        raise BackupRefused(f"{path} cannot be read as a backup: {error}.") from error


def checked(tar: tarfile.TarFile) -> Manifest:
    """The manifest, after every member was found and its digest compared."""
    try:
        members = {m.name: m for m in tar.getmembers()}
        manifest = Manifest.from_json(b"".join(chunks(tar, MANIFEST)))
    except (KeyError, tarfile.TarError, ValueError, TypeError) as error:
        raise BackupRefused("The backup is incomplete: it has no readable manifest.") from error
    if set(members) != {*manifest.digests, MANIFEST}:
        raise BackupRefused("The backup holds other files than its manifest says.")
    for name, expected in manifest.digests.items():
        digest = hashlib.sha256()
        for chunk in chunks(tar, name):
            digest.update(chunk)
        if digest.hexdigest() != expected:
            raise BackupRefused(f"The backup is damaged: {name} is not what was written.")
    return manifest


def chunks(tar: tarfile.TarFile, name: str) -> Iterator[bytes]:
    """A member's bytes, a megabyte at a time."""
    source = tar.extractfile(name)
    if source is None:
        raise BackupRefused(f"The backup is damaged: {name} is no file.")
    while chunk := source.read(2**20):
        yield chunk


def lines(tar: tarfile.TarFile, name: str) -> Iterator[dict[str, Any]]:
    """A member of NDJSON, line by line."""
    source = tar.extractfile(name)
    if source is not None:
        yield from map(json.loads, source)


def line_of(fields: dict[str, Any]) -> bytes:
    """One line of NDJSON; the same fields give the same bytes."""
    return json.dumps(fields, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"
