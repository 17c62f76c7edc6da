"""Names and frequencies of variants that are known: a reference's ``known.vcf.gz``, joined in.

A record gets the ID of every known variant with its position, REF and one of its ALT, unless it
has an ID already, and chosen INFO columns as ``known_NAME`` (one value per ALT).
"""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from adapters.annotator_bcftools.fasta import BadReference
from adapters.annotator_bcftools.references import Contig

if TYPE_CHECKING:
    import pysam

TAB = b"\t"
DENSE = 50  # bases per record up to which a whole stretch is read at once
Key = tuple[bytes, bytes, bytes]  # POS, REF, one ALT
Found = tuple[bytes, dict[bytes, bytes]]  # ID, INFO values of that ALT
_NUMBER = re.compile(rb"Number=[^,]+")
_INFO = re.compile(r"##INFO=<ID=([^,>]+)")


class KnownVariants:
    """Looks records up; in sorted stretches, so that dense files are read once."""

    def __init__(self, path: Path, columns: Iterable[str], names: dict[str, Contig]) -> None:
        import pysam

        self._table: pysam.TabixFile = pysam.TabixFile(str(path))
        theirs = {names[each].name: each for each in self._table.contigs if each in names}
        self._names = {
            name.encode(): theirs[contig.name]
            for name, contig in names.items()
            if contig.name in theirs
        }
        self._columns = [column.encode() for column in columns]
        self.named = 0

    def join(self, lines: list[bytes]) -> list[bytes]:
        """Lines of one contig, in order, with what is known about them."""
        contig = self._names.get(lines[0].split(TAB, 1)[0]) if lines else None
        if contig is None:
            return lines
        records = [line.split(TAB, 8) for line in lines]
        known = self._around(contig, [int(record[1]) for record in records])
        return [self._joined(record, known) for record in records]

    def _around(self, contig: str, positions: list[int]) -> dict[Key, Found]:
        first, last = positions[0], positions[-1]
        if last - first < DENSE * len(positions):
            spans = [(first - 1, last)]
        else:
            spans = [(position - 1, position) for position in dict.fromkeys(positions)]
        found: dict[Key, Found] = {}
        for start, end in spans:
            for row in self._table.fetch(contig, start, end):
                self._remember(row.encode().split(TAB, 8), found)
        return found

    def _remember(self, row: list[bytes], found: dict[Key, Found]) -> None:
        alts = row[4].split(b",")
        info = dict(entry.partition(b"=")[::2] for entry in row[7].split(b";"))
        for at, alt in enumerate(alts):
            values = {c: _of_allele(info[c], at, len(alts)) for c in self._columns if c in info}
            found.setdefault((row[1], row[3].upper(), alt.upper()), (row[2], values))

    def _joined(self, record: list[bytes], known: dict[Key, Found]) -> bytes:
        alts = record[4].split(b",")
        hits = [known.get((record[1], record[3].upper(), alt.upper())) for alt in alts]
        names = dict.fromkeys(hit[0] for hit in hits if hit and hit[0] != b".")
        if names:
            self.named += 1
            if record[2] == b".":
                record[2] = b";".join(names)
        entries = [
            b"known_%b=%b"
            % (column, b",".join(hit[1].get(column, b".") if hit else b"." for hit in hits))
            for column in self._columns
            if any(hit and column in hit[1] for hit in hits)
        ]
        if entries:
            kept = [] if record[7] == b"." else [record[7]]
            record[7] = b";".join([*kept, *entries])
        return TAB.join(record)


def _of_allele(value: bytes, at: int, alleles: int) -> bytes:
    """One ALT's part of a value, where there is one part per ALT."""
    parts = value.split(b",")
    return parts[at] if len(parts) == alleles else value


def header_lines(path: Path, columns: Iterable[str]) -> list[bytes]:
    """Header lines for the joined columns, made from those of the known variants."""
    wanted = {b"##INFO=<ID=%b," % column.encode(): column.encode() for column in columns}
    found = []
    with gzip.open(path) as lines:
        for line in lines:
            if not line.startswith(b"##"):
                break
            for start, column in wanted.items():
                if line.startswith(start):
                    text = line.rstrip().replace(start, b"##INFO=<ID=known_%b," % column, 1)
                    found.append(_NUMBER.sub(b"Number=A", text, count=1))
    return found


def check_columns(path: Path, wanted: Iterable[str]) -> None:
    """Raise BadReference, naming those there are, for a column a plain VCF does not declare."""
    declared = []
    with path.open(errors="replace") as lines:
        for line in lines:
            if not line.startswith("##"):
                break
            if match := _INFO.match(line):
                declared.append(match[1])
    for column in wanted:
        if column not in declared:
            there = f"It has {', '.join(declared)}." if declared else "It declares none."
            raise BadReference(f"The known variants have no INFO column {column}. {there}")
