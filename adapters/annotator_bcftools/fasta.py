"""Rewrites a FASTA file the way the engine wants it, with its index, in constant memory."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from domain.errors import DomainError

WIDTH = 60
BLOCK = 2**20
_NOT_BASES = re.compile(rb"[^ACGTUNRYSWKMBDHV]")
_CHROMOSOME = re.compile(r"chromosome (\w{1,3})\b")


class BadReference(DomainError):
    """A genome or its genes cannot be used; the sentence says why and what to do."""

    code = "bad_reference"


@dataclass(frozen=True, slots=True)
class Sequence:
    """One contig as written: ``md5`` of its upper-case bases, as SAM's M5 has it."""

    name: str
    description: str
    length: int
    md5: str

    @property
    def aliases(self) -> list[str]:
        """What an NCBI description says the accession is."""
        if "mitochondri" in self.description:
            return ["MT", "chrM"]
        match = _CHROMOSOME.search(self.description)
        plain = match and "scaffold" not in self.description and "patch" not in self.description
        return [match[1], f"chr{match[1]}"] if match and plain else []


def rewrite(source: Iterable[bytes], target: BinaryIO) -> tuple[list[Sequence], str]:
    """Write upper-case bases in lines of ``WIDTH``; the contigs and the text of the index.

    Upper case because csq compares as written. Raises BadReference.
    """
    found: list[Sequence] = []
    index: list[str] = []
    for header, bases in _contigs(source):
        name, _, description = header.partition(" ")
        if any(name == each.name for each in found):
            raise BadReference(f"The contig {name} stands twice in the FASTA file. Remove one.")
        target.write(b">" + name.encode() + b"\n")
        offset = target.tell()
        length, digest = _write(bases, target)
        if not length:
            raise BadReference(f"The contig {name} has no bases. Check the FASTA file.")
        found.append(Sequence(name, description, length, digest))
        index.append(f"{name}\t{length}\t{offset}\t{WIDTH}\t{WIDTH + 1}\n")
    if not found:
        raise BadReference("The FASTA file has no “>” line. Give a FASTA file, plain or gzipped.")
    return found, "".join(index)


def _contigs(source: Iterable[bytes]) -> Iterator[tuple[str, Iterator[bytes]]]:
    """(header, lines of bases) of every contig; the lines must be used before the next."""
    lines = iter(source)
    header = next((line for line in lines if line.strip()), b"")
    while header.startswith(b">"):
        following: list[bytes] = []

        def bases() -> Iterator[bytes]:
            for line in lines:
                if line.startswith(b">"):
                    following.append(line)  # noqa: B023 - used up before the next round
                    return
                yield line

        taken = bases()
        yield header[1:].decode(errors="replace").strip(), taken
        for _ in taken:
            continue
        header = following[0] if following else b""


def _write(lines: Iterator[bytes], target: BinaryIO) -> tuple[int, str]:
    """Write one contig's bases; their number and md5."""
    digest, length = hashlib.md5(usedforsecurity=False), 0
    held: list[bytes] = []
    waiting = 0
    for line in lines:
        bases = line.strip().upper()
        held.append(bases)
        waiting += len(bases)
        if waiting >= BLOCK:
            whole = b"".join(held)
            cut = len(whole) // WIDTH * WIDTH
            length += _write_block(whole[:cut], target, digest)
            held, waiting = [whole[cut:]], len(whole) - cut
    length += _write_block(b"".join(held), target, digest)
    return length, digest.hexdigest()


def _write_block(bases: bytes, target: BinaryIO, digest: hashlib._Hash) -> int:
    if _NOT_BASES.search(bases):
        raise BadReference("The FASTA file holds something other than bases. Check the file.")
    digest.update(bases)
    rows = [bases[at : at + WIDTH] for at in range(0, len(bases), WIDTH)]
    if rows:
        target.write(b"\n".join(rows) + b"\n")
    return len(bases)


def write(source: Iterable[bytes], folder: Path) -> list[Sequence]:
    """``genome.fa`` and ``genome.fa.fai`` in a folder."""
    with (folder / "genome.fa").open("wb") as target:
        found, index = rewrite(source, target)
    (folder / "genome.fa.fai").write_text(index)
    return found
