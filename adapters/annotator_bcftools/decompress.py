"""A file's bytes as text blocks, whatever it is packed in, with every size watched."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator

from domain.errors import InputRejected

GZIP = b"\x1f\x8b"
# An empty BGZF block: htslib ends every file with it, so its absence tells of a cut file.
BGZF_END = bytes.fromhex("1f8b08040000000000ff0600424302001b0003000000000000000000")
HEAD = 18  # bytes that tell how a file is packed
BLOCK = 256 * 1024
RATIO_FROM = 16 * 2**20  # a small file may compress as well as it likes

# What people send by mistake, by first bytes. ``bcf`` is handled, the others have a remedy.
MAGIC: dict[bytes, str] = {
    b"PK\x03\x04": "a ZIP archive",
    b"BZh": "a bzip2 file",
    b"\xfd7zXZ\x00": "an xz file",
    b"\x28\xb5\x2f\xfd": "a Zstandard file",
    b"%PDF": "a PDF document",
    b"BAM\x01": "a BAM file",
    b"CRAM": "a CRAM file",
    b"\x89PNG": "a picture",
    b"\xff\xd8\xff": "a picture",
    b"\x7fELF": "a program",
    b"SQLite format 3": "a database",
    b"\xd0\xcf\x11\xe0": "an Office document",
    b"PAR1": "a Parquet file",
    b"7z\xbc\xaf": "a 7-Zip archive",
}


def packing(head: bytes) -> str:
    """``plain``, ``gzip`` or ``bgzf`` by the first bytes (BGZF: SAM specification, section 4.1)."""
    if not head.startswith(GZIP):
        return "plain"
    return "bgzf" if len(head) >= HEAD and head[3] & 4 and head[12:14] == b"BC" else "gzip"


def refuse_other_kinds(head: bytes) -> None:
    """Raise for the well-known kinds of file that hold no VCF; ``head`` is unpacked."""
    for magic, kind in MAGIC.items():
        if head.startswith(magic):
            raise InputRejected("not_vcf", facts={"kind": kind})
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise InputRejected("not_utf8", line=1)


def unpacked(chunks: Iterable[bytes], *, ratio: int) -> Iterator[bytes]:
    """Blocks of at most ``BLOCK`` bytes; many gzip members are one file (RFC 1952, 2.2).

    Raises ``truncated`` when the last member does not end, ``corrupt_gzip`` when it does not check,
    ``bomb`` when it grows more than ``ratio`` times.
    """
    source = iter(chunks)
    first = b""
    while len(first) < HEAD and (more := next(source, b"")):
        first += more
    if not first.startswith(GZIP):
        yield first
        yield from source
        return
    yield from _inflated(first, source, ratio)


def _inflated(first: bytes, source: Iterator[bytes], ratio: int) -> Iterator[bytes]:
    bgzf, tail = packing(first) == "bgzf", b""
    member, taken, given, began = zlib.decompressobj(31), 0, 0, False
    pending = first
    while pending or (pending := next(source, b"")):
        taken += len(pending)
        tail = (tail + pending)[-len(BGZF_END) :]
        while pending:
            began = True
            try:
                block = member.decompress(pending, BLOCK)
            except zlib.error as error:
                raise _not_gzip(error, given) from error
            given += len(block)
            pending = member.unconsumed_tail
            if member.eof:
                pending, began = member.unused_data.lstrip(b"\0"), False
                member = zlib.decompressobj(31)
            if given > RATIO_FROM and given > ratio * (taken - len(pending)):
                raise InputRejected("bomb", facts={"ratio": ratio})
            if block:
                yield block
    if began:
        yield from _rest(member)
        if not member.eof:
            raise InputRejected("truncated")
    if bgzf and tail != BGZF_END:
        raise InputRejected("truncated")


def _rest(member: zlib._Decompress) -> Iterator[bytes]:
    """What the decompressor still holds back after the last input."""
    while block := member.decompress(member.unconsumed_tail, BLOCK):
        yield block


def _not_gzip(error: zlib.error, given: int) -> InputRejected:
    return InputRejected("corrupt_gzip", facts={"bytes": given, "detail": str(error)[:80]})
