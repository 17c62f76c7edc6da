"""The header of a VCF: what it declares, whether it can be worked with, and as it will be written.

VCF 4.1-4.5, samtools.github.io/hts-specs.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from domain.errors import InputRejected
from domain.ports import Limits

COLUMNS = (b"#CHROM", b"POS", b"ID", b"REF", b"ALT", b"QUAL", b"FILTER", b"INFO")
_ID = re.compile(rb"[<,]ID=([^,>]+)")
_LENGTH = re.compile(rb"[<,]length=(\d{1,12})[,>]", re.IGNORECASE)
_INDEX = re.compile(rb"[<,]IDX=(\d+)")
LARGEST_INDEX = 1_000_000  # of BCF's dictionaries; htslib makes room for all numbers below
_VERSION = re.compile(rb"##fileformat=VCFv4\.[0-9]\s*$")
# What an earlier run of ours, or of csq, left: it would contradict the new annotation.
_REPLACED = (
    b"##INFO=<ID=BCSQ,",
    b"##FORMAT=<ID=BCSQ,",
    b"##INFO=<ID=known_",
    b"##gas_",
    b"##bcftools_csq",
)
OTHER_TEXT: dict[bytes, str] = {
    b">": "a FASTA file",
    b"@": "a FASTQ or SAM file",
    b"<": "a web page or XML",
    b"{": "a JSON file",
    b"[": "a JSON file",
    b"##gff": "a GFF file",
    b"track": "a BED file",
    b"browser": "a BED file",
    b"Hugo_Symbol": "a MAF table",
    b"chr": "a table of variants without a VCF header",
}


@dataclass(slots=True)
class Header:
    """``meta``: the ``##`` lines as given; ``contigs``: declared name -> length, 0 for untold."""

    version: str
    meta: list[bytes]
    columns: bytes
    samples: list[bytes]
    contigs: dict[str, int] = field(default_factory=dict)

    @property
    def width(self) -> int:
        """Columns every record must have."""
        return self.columns.count(b"\t") + 1

    def written(self, contigs: list[tuple[str, int]], ours: list[bytes]) -> bytes:
        """The header of the result: the person's lines, contig lines for all, then ``ours``."""
        meta = [line for line in self.meta if not line.startswith(_REPLACED)]
        missing = [
            b"##contig=<ID=%s,length=%d>" % (name.encode(), length)
            if length
            else b"##contig=<ID=%s>" % name.encode()
            for name, length in contigs
            if name not in self.contigs
        ]
        return b"\n".join([*meta, *missing, *ours, self.columns, b""])


class HeaderReader:
    """Takes lines until the column line; ``header`` is set then. Raises ``InputRejected``."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._meta: list[bytes] = []
        self._contigs: dict[str, int] = {}
        self._bytes = 0
        self.header: Header | None = None

    def take(self, first: int, lines: list[bytes]) -> int:
        """Read header lines; how many were taken."""
        for at, line in enumerate(lines):
            self._take_line(first + at, line)
            if self.header is not None:
                return at + 1
        return len(lines)

    def _take_line(self, number: int, line: bytes) -> None:
        self._bytes += len(line) + 1
        if self._bytes > self._limits.header_bytes:
            raise InputRejected(
                "header_too_large", line=number, facts={"bytes": self._limits.header_bytes}
            )
        if line.startswith(b"##"):
            self._take_meta(number, line)
        elif line.startswith(b"#"):
            self.header = self._finished(number, line)
        elif line or self._meta:
            self._no_columns(number, line)

    def _take_meta(self, number: int, line: bytes) -> None:
        if line.startswith(b"##fileformat="):
            if self._meta:
                raise InputRejected("header_twice", line=number)
            if not _VERSION.match(line):
                raise InputRejected("version", line=number, facts={"version": _shown(line[13:])})
        elif line.startswith(b"##gff"):
            raise InputRejected("not_vcf", facts={"kind": "a GFF file"})
        elif line.startswith(b"##contig=<"):
            self._take_contig(number, line)
        if (index := _INDEX.search(line)) and int(index[1]) > LARGEST_INDEX:
            raise InputRejected("header_index", line=number, facts={"largest": LARGEST_INDEX})
        self._meta.append(line.rstrip())

    def _take_contig(self, number: int, line: bytes) -> None:
        name, length = _ID.search(line), _LENGTH.search(line)
        if name is None:
            raise InputRejected("contig_line", line=number)
        self._contigs[name[1].decode()] = int(length[1]) if length else 0
        if len(self._contigs) > self._limits.contigs:
            raise InputRejected(
                "too_many_contigs", line=number, facts={"contigs": self._limits.contigs}
            )

    def _no_columns(self, number: int, line: bytes) -> None:
        if self._meta:
            raise InputRejected("no_column_line", line=number)
        kinds = (kind for start, kind in OTHER_TEXT.items() if line.startswith(start))
        kind = next(kinds, None)
        if kind is not None:
            raise InputRejected("not_vcf", facts={"kind": kind})
        if not _is_text(line):
            raise InputRejected("not_vcf", facts={"kind": "no text at all"})
        raise InputRejected("no_header", line=number)

    def _finished(self, number: int, line: bytes) -> Header:
        names = line.rstrip().split(b"\t")
        if tuple(names[:8]) != COLUMNS:
            at = next((i for i, n in enumerate(COLUMNS) if names[i : i + 1] != [n]), 0)
            code = "spaces" if tuple(line.split()[:8]) == COLUMNS else "column_line"
            raise InputRejected(
                code, line=number, column=at + 1, facts={"expected": COLUMNS[at].decode()}
            )
        if len(names) > 8 and names[8] != b"FORMAT":
            raise InputRejected("column_line", line=number, column=9, facts={"expected": "FORMAT"})
        samples = names[9:]
        if len(names) == 9:
            raise InputRejected("format_without_samples", line=number, column=9)
        repeated = (
            [name for name in samples if samples.count(name) > 1]
            if len(samples) != len(set(samples))
            else []
        )
        if repeated:
            column = 10 + len(samples) - 1 - samples[::-1].index(repeated[0])
            raise InputRejected("duplicate_samples", line=number, column=column)
        if not self._meta or not self._meta[0].startswith(b"##fileformat="):
            self._meta.insert(0, b"##fileformat=VCFv4.2")
        columns = b"\t".join(names)
        version = self._meta[0].decode()[len("##fileformat=VCFv") :]
        return Header(version, self._meta, columns, samples, self._contigs)


def header_of(
    lines: Iterator[tuple[int, list[bytes]]], limits: Limits
) -> tuple[Header, int, list[bytes]]:
    """The header and the lines of the same block that follow it, with the first one's number."""
    reader = HeaderReader(limits)
    seen = False
    for first, block in lines:
        seen = seen or any(block)
        taken = reader.take(first, block)
        if reader.header is not None:
            return reader.header, first + taken, block[taken:]
    raise InputRejected("no_column_line" if seen else "empty_file")


def _shown(text: bytes) -> str:
    """A short, printable piece of the file for a sentence."""
    return re.sub(r"[^\w.+-]", "?", text.decode("ascii", "replace"))[:20]


def _is_text(line: bytes) -> bool:
    return all(byte >= 32 or byte == 9 for byte in line[:1000])
