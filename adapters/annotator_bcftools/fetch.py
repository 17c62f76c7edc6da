"""Fetches what a reference is made of: files or http(s) addresses, gzipped or not, with digest."""

from __future__ import annotations

import gzip
import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, cast
from urllib.error import URLError
from urllib.request import urlopen

from adapters.annotator_bcftools.fasta import BadReference

CHUNK = 2**20
SECONDS = 60  # without a byte


def fetched(
    source: str, folder: Path, *, sha256: str | None, progress: Callable[[str, int], None]
) -> tuple[Path, str]:
    """A local copy of the source, and its sha256; checked against ``sha256`` where given.

    Raises BadReference when it cannot be had, or is not what it should be.
    """
    target = folder / f"fetched-{hashlib.sha256(source.encode()).hexdigest()[:16]}"
    digest = hashlib.sha256()
    try:
        with _opened(source) as stream, target.open("wb") as out:
            done = 0
            while chunk := stream.read(CHUNK):
                digest.update(chunk)
                out.write(chunk)
                done += len(chunk)
                progress(source.rsplit("/", 1)[-1], done)
    except (URLError, OSError) as error:
        raise BadReference(
            f"{source} cannot be read: {error}. Check the path or address."
        ) from error
    found = digest.hexdigest()
    if sha256 is not None and found != sha256.lower():
        raise BadReference(
            f"{source} has the sha256 {found}, not {sha256}. Fetch it again, or give the digest "
            "its publisher names."
        )
    return target, found


def _opened(source: str) -> BinaryIO:
    if "://" not in source:
        return Path(source).open("rb")
    if not source.startswith(("http://", "https://")):
        raise BadReference(f"{source} is neither a file nor an http(s) address.")
    stream: BinaryIO = urlopen(source, timeout=SECONDS)  # noqa: S310 - http(s) alone, see above
    return stream


def unpacked(path: Path) -> BinaryIO:
    """The file's content, gunzipped if need be."""
    with path.open("rb") as file:
        packed = file.read(2) == b"\x1f\x8b"
    return cast(BinaryIO, gzip.open(path)) if packed else path.open("rb")


def copy(source: BinaryIO, target: Path) -> None:
    """Write a stream to a file."""
    with target.open("wb") as out:
        shutil.copyfileobj(source, out, CHUNK)
