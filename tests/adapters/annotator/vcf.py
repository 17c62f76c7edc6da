"""Builds small VCF files on the bundled genomes."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

from adapters.annotator_bcftools.references import BUNDLED

SARS = "NC_045512.2"
COLUMNS = "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO"


@cache
def genome(reference: str = "sars-cov-2") -> str:
    """The bases of a bundled reference's one contig."""
    lines = (BUNDLED / reference / "genome.fa").read_text().splitlines()
    return "".join(line for line in lines if not line.startswith(">"))


def base(position: int, reference: str = "sars-cov-2") -> str:
    return genome(reference)[position - 1]


def other(letter: str) -> str:
    """A base that is not this one."""
    return {"A": "C", "C": "T", "G": "A", "T": "G"}[letter]


def snv(position: int, contig: str = SARS, info: str = ".") -> str:
    """A record with the right REF."""
    ref = base(position)
    return f"{contig}\t{position}\t.\t{ref}\t{other(ref)}\t.\tPASS\t{info}"


def vcf(
    records: Iterable[str],
    *,
    contigs: Iterable[tuple[str, int]] = ((SARS, 29903),),
    meta: Iterable[str] = (),
    columns: str = COLUMNS,
    version: str = "##fileformat=VCFv4.2",
) -> str:
    """A whole file."""
    lines = [
        version,
        *(f"##contig=<ID={name},length={length}>" for name, length in contigs),
        *meta,
        columns,
        *records,
    ]
    return "\n".join(line for line in lines if line) + "\n"
