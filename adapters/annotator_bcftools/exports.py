"""The annotated VCF in other shapes, streamed: ANN for tools that expect it, and a flat table.

ANN: "Variant annotations in VCF format", v1.0 (Cingolani et al. 2015). Fields csq does not tell
(exon rank, distances, coding positions) stay empty, as the specification allows.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache

from adapters.annotator_bcftools.consequences import CONSEQUENCES, UNKNOWN, impact, terms

ANN_LINE = (
    "##INFO=<ID=ANN,Number=.,Type=String,Description=\"Functional annotations: 'Allele | Annotation"
    " | Annotation_Impact | Gene_Name | Gene_ID | Feature_Type | Feature_ID | Transcript_BioType |"
    " Rank | HGVS.c | HGVS.p | cDNA.pos / cDNA.length | CDS.pos / CDS.length | AA.pos / AA.length |"
    " Distance | ERRORS / WARNINGS / INFO'\">"
)
COLUMNS = (
    "chrom", "pos", "id", "ref", "alt", "qual", "filter", "consequence", "impact", "gene",
    "transcript", "biotype", "strand", "aa", "dna",
)  # fmt: skip
# Single letters to HGVS' three (HGVS nomenclature 21.0, "Amino acids").
_RESIDUES = {
    "A": "Ala", "R": "Arg", "N": "Asn", "D": "Asp", "C": "Cys", "Q": "Gln", "E": "Glu", "G": "Gly",
    "H": "His", "I": "Ile", "L": "Leu", "K": "Lys", "M": "Met", "F": "Phe", "P": "Pro", "S": "Ser",
    "T": "Thr", "W": "Trp", "Y": "Tyr", "V": "Val", "U": "Sec", "*": "Ter",
}  # fmt: skip
_SUBSTITUTION = re.compile(r"(\d+)([A-Z*])>\1([A-Z*])\Z")
_SYNONYMOUS = re.compile(r"(\d+)([A-Z*])\Z")
_DNA = re.compile(r"\d+[^>]*>(.+)\Z")


@lru_cache(maxsize=65536)
def hgvs_protein(change: str) -> str:
    """csq's ``614D>614G`` as ``p.Asp614Gly``; empty for what is more than one residue."""
    if match := _SUBSTITUTION.match(change):
        position, before, after = match.groups()
    elif match := _SYNONYMOUS.match(change):
        (position, before), after = match.groups(), "="
    else:
        return ""
    if before not in _RESIDUES or (after != "=" and after not in _RESIDUES):
        return ""
    return f"p.{_RESIDUES[before]}{position}{_RESIDUES.get(after, after)}"


def _effects(info: str) -> list[list[str]]:
    """The fields of every effect in an INFO column, padded to seven."""
    for entry in info.split(";"):
        if entry.startswith("BCSQ="):
            parts = (effect.split("|") for effect in entry[5:].split(","))
            return [part + [""] * (7 - len(part)) for part in parts]
    return []


def as_ann(lines: Iterable[str]) -> Iterator[str]:
    """The lines of an annotated VCF with ANN in the place of BCSQ."""
    for line in lines:
        if line.startswith("##INFO=<ID=BCSQ,"):
            yield ANN_LINE + "\n"
        elif line.startswith("#") or "BCSQ=" not in line:
            yield line
        else:
            columns = line.rstrip("\n").split("\t")
            columns[7] = ";".join(map(_ann_for(columns), columns[7].split(";")))
            yield "\t".join(columns) + "\n"


def _ann_for(columns: list[str]) -> Callable[[str], str]:
    """Translates the BCSQ entry of one record's INFO and leaves the others."""

    def translate(entry: str) -> str:
        if not entry.startswith("BCSQ="):
            return entry
        alts = columns[4].split(",")
        each = (_ann(effect, alts) for effect in _effects(entry))
        return "ANN=" + ",".join(text for texts in each for text in texts)

    return translate


def _ann(effect: list[str], alts: list[str]) -> list[str]:
    """One effect, for the allele it names, or for every allele when it names none."""
    consequence, gene, transcript, biotype, _, protein, dna = effect[:7]
    match = _DNA.match(dna)
    alleles = [match[1]] if match and match[1] in alts else alts
    so_terms = "&".join(CONSEQUENCES.get(term, UNKNOWN).term for term in terms(consequence))
    middle = (
        f"{so_terms}|{impact(consequence)}|{gene}|{gene}|transcript|{transcript}|{biotype}"
        f"|||{hgvs_protein(protein)}|||||"
    )
    return [f"{allele}|{middle}" for allele in alleles]


def as_rows(lines: Iterable[str]) -> Iterator[list[str]]:
    """The cells of ``COLUMNS``, as they stand in the file: one row per effect, one without any."""
    for line in lines:
        if line.startswith("#"):
            continue
        columns = line.rstrip("\n").split("\t")
        for effect in _effects(columns[7]) or [[""] * 7]:
            worst = impact(effect[0]) if effect[0] else ""
            yield [*columns[:7], effect[0], worst, *effect[1:7]]


def as_tsv(lines: Iterable[str]) -> Iterator[str]:
    """The rows as a table that a spreadsheet may open."""
    yield "\t".join(COLUMNS) + "\n"
    for row in as_rows(lines):
        yield "\t".join(map(safe, row)) + "\n"


def as_json(lines: Iterable[str]) -> Iterator[str]:
    """The rows as one array of objects: numbers as numbers, null where a cell says nothing."""
    yield "["
    for number, row in enumerate(as_rows(lines)):
        cells = {
            name: value if value not in ("", ".") else None
            for name, value in zip(COLUMNS, row, strict=True)
        }
        fields = {**cells, "pos": int(row[1]), "qual": _number(row[5])}
        yield f"{',' if number else ''}\n{json.dumps(fields, ensure_ascii=False)}"
    yield "\n]\n"


def _number(cell: str) -> int | float | None:
    """A number as JSON has them; None for what is none there, such as ``.`` and ``nan``."""
    if cell.isascii() and cell.isdigit():
        return int(cell)
    try:
        found = float(cell)
    except ValueError:
        return None
    return found if math.isfinite(found) else None


def safe(cell: str) -> str:
    """A cell no spreadsheet takes for a formula (OWASP, "CSV injection")."""
    return f"'{cell}" if cell[:1] in ("=", "+", "-", "@") and len(cell) > 1 else cell
