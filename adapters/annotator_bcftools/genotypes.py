"""Genotypes for haplotype mode: which alleles lie together on one molecule."""

from __future__ import annotations

import re

from domain.errors import InputRejected

TAB = b"\t"
_GENOTYPE = re.compile(rb"(?:\.|\d{1,3})(?:[|/](?:\.|\d{1,3}))*\Z")


def phased(line: bytes, number: int, alternates: int) -> bytes:
    """FORMAT and sample columns with GT alone, as csq shall see them.

    Raises ``no_genotypes``, ``genotype`` for one that is none, and ``unphased`` for a heterozygous
    genotype that does not say which allele lies on which molecule.
    """
    columns = line.split(TAB)
    keys = columns[8].split(b":") if len(columns) > 9 else []
    if b"GT" not in keys:
        raise InputRejected("no_genotypes", line=number)
    at = keys.index(b"GT")
    found = [_part(column, at) for column in columns[9:]]
    for sample, genotype in enumerate(found):
        _check(genotype, number, 10 + sample, alternates)
    return TAB.join((b"GT", *found))


def _part(column: bytes, at: int) -> bytes:
    parts = column.split(b":")
    return parts[at] if at < len(parts) else b"."


def _check(genotype: bytes, number: int, column: int, alternates: int) -> None:
    if not _GENOTYPE.match(genotype):
        raise InputRejected("genotype", line=number, column=column)
    alleles = set(re.split(rb"[|/]", genotype))
    if any(allele != b"." and int(allele) > alternates for allele in alleles):
        raise InputRejected("genotype", line=number, column=column)
    if b"/" in genotype and len(alleles) > 1 and b"." not in alleles:
        raise InputRejected("unphased", line=number, column=column)


def with_bits(columns: list[bytes], result: bytes) -> list[bytes]:
    """A record's columns with csq's FORMAT/BCSQ: per sample, which effects lie on which haplotype.

    The bits stand for the effects in INFO/BCSQ: two for every effect, first haplotype first.
    """
    told = result.split(TAB)
    keys = told[8].split(b":") if len(told) > 9 else []
    if b"BCSQ" not in keys:
        return columns
    at, width = keys.index(b"BCSQ"), columns[8].count(b":")
    filled = [each + b":." * (width - each.count(b":")) for each in columns[9:]]
    bits = [_part(each, at) for each in told[9:]]
    joined = [each + b":" + mine for each, mine in zip(filled, bits, strict=True)]
    return [*columns[:8], columns[8] + b":BCSQ", *joined]
