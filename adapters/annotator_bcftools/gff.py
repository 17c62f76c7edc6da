"""Reads gene models from GFF3, Ensembl's or NCBI's, and writes them the way csq wants them.

csq knows ``ID=gene:…``, ``ID=transcript:…`` with ``Parent`` and ``biotype``, and features of type
CDS, exon, five_prime_UTR and three_prime_UTR (bcftools manual, "csq"). NCBI names them
``gene-…`` and ``rna-…``, has no UTR lines, and in bacteria no transcripts at all.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import groupby
from urllib.parse import unquote

Span = tuple[int, int]
GENES = frozenset({"gene", "ncRNA_gene", "pseudogene"})
PARTS = frozenset({"exon", "CDS", "five_prime_UTR", "three_prime_UTR"})
BIOTYPES = {
    "mRNA": "protein_coding", "lnc_RNA": "lncRNA", "tRNA": "misc_RNA", "rRNA": "rRNA",
    "miRNA": "miRNA", "snRNA": "snRNA", "snoRNA": "snoRNA", "ncRNA": "misc_RNA",
    "transcript": "misc_RNA", "primary_transcript": "misc_RNA", "antisense_RNA": "antisense",
    "SRP_RNA": "misc_RNA", "RNase_P_RNA": "misc_RNA", "RNase_MRP_RNA": "misc_RNA",
    "scRNA": "scRNA", "guide_RNA": "misc_RNA", "telomerase_RNA": "misc_RNA",
    "tmRNA": "misc_RNA", "Y_RNA": "misc_RNA", "vault_RNA": "misc_RNA",
}  # fmt: skip


@dataclass(slots=True)
class Feature:
    """One line; ``start`` and ``end`` are 1-based and inclusive."""

    contig: str
    kind: str
    start: int
    end: int
    strand: str
    phase: str
    attributes: dict[str, str]


@dataclass(slots=True)
class Transcript:
    """A transcript with its parts; ``cds`` keeps the phase of every part."""

    name: str
    gene: str
    gene_name: str
    biotype: str
    contig: str
    strand: str
    start: int
    end: int
    exons: list[Span] = field(default_factory=list)
    cds: list[tuple[int, int, str]] = field(default_factory=list)
    utrs: list[tuple[str, int, int]] = field(default_factory=list)
    code: int = 0  # NCBI's transl_table, where told

    def complete(self) -> None:
        """Exons where only coding parts are told, and UTRs where only exons and CDS are."""
        if not self.exons:
            self.exons = [(start, end) for start, end, _ in self.cds]
        if self.cds and not self.utrs:
            self.utrs = list(_untranslated(self))


@dataclass(slots=True)
class Models:
    """What was read: ``dropped`` counts transcripts by reason, ``codes`` votes per contig."""

    taken: Counter[str] = field(default_factory=Counter)
    dropped: Counter[str] = field(default_factory=Counter)
    codes: dict[str, Counter[int]] = field(default_factory=dict)
    first_coding: list[tuple[str, int]] = field(default_factory=list)


def features(lines: Iterable[str]) -> Iterator[Feature]:
    """The feature lines; the sequences some files end with are left out."""
    for line in lines:
        if line.startswith("##FASTA"):
            return
        columns = line.rstrip("\r\n").split("\t")
        if line.startswith("#") or len(columns) != 9 or not columns[3].isdigit():
            continue
        pairs = (entry.partition("=") for entry in columns[8].split(";") if "=" in entry)
        attributes = {key.strip(): unquote(value) for key, _, value in pairs}
        yield Feature(
            columns[0], columns[2], int(columns[3]), int(columns[4]), columns[6], columns[7],
            attributes,
        )  # fmt: skip


def transcripts(
    lines: Iterable[str], lengths: dict[str, int], models: Models
) -> Iterator[Transcript]:
    """Usable transcripts contig by contig; ``models`` counts. ``lengths``: the genome's contigs."""
    for contig, group in groupby(features(lines), key=lambda each: each.contig):
        for transcript in _of_contig(list(group), models):
            reason = _unusable(transcript, lengths)
            if reason:
                models.dropped[reason] += 1
                continue
            transcript.complete()
            models.taken["coding" if transcript.cds else "non-coding"] += 1
            if transcript.code:
                models.codes.setdefault(contig, Counter())[transcript.code] += 1
            yield transcript


def _of_contig(found: list[Feature], models: Models) -> Iterator[Transcript]:
    genes = {f.attributes["ID"]: f for f in found if f.kind in GENES and "ID" in f.attributes}
    made: dict[str, Transcript] = {}
    for feature in found:
        name, parent = feature.attributes.get("ID"), feature.attributes.get("Parent", "")
        if feature.kind in PARTS or feature.kind in GENES or name is None or not parent:
            continue
        if parent in genes:
            made[name] = _transcript(feature, genes[parent])
        elif _is_transcript(feature):
            models.dropped["without a gene"] += 1
    for feature in found:
        if feature.kind in PARTS:
            _add_part(feature, genes, made)
    yield from made.values()


def _is_transcript(feature: Feature) -> bool:
    return feature.kind in BIOTYPES or feature.attributes["ID"].startswith(("transcript:", "rna-"))


def _transcript(feature: Feature, gene: Feature) -> Transcript:
    told = feature.attributes
    biotype = told.get("biotype") or BIOTYPES.get(feature.kind, feature.kind)
    name = _bare(told["ID"])
    return Transcript(
        name, _bare(gene.attributes["ID"]), _name(gene), biotype, feature.contig, feature.strand,
        feature.start, feature.end,
    )  # fmt: skip


def _add_part(part: Feature, genes: dict[str, Feature], made: dict[str, Transcript]) -> None:
    """Give a part to its transcripts; a bacterial CDS right under its gene makes one."""
    for parent in part.attributes.get("Parent", "").split(","):
        if parent in genes and parent not in made and part.kind == "CDS":
            gene = genes[parent]
            made[parent] = Transcript(
                part.attributes.get("protein_id") or _bare(parent), _bare(parent), _name(gene),
                "protein_coding", part.contig, part.strand, gene.start, gene.end,
            )  # fmt: skip
        transcript = made.get(parent)
        if transcript is None:
            continue
        if part.kind == "CDS":
            transcript.cds.append((part.start, part.end, part.phase))
            transcript.code = int(part.attributes.get("transl_table", transcript.code or 0))
        elif part.kind == "exon":
            transcript.exons.append((part.start, part.end))
        else:
            transcript.utrs.append((part.kind, part.start, part.end))


def _unusable(transcript: Transcript, lengths: dict[str, int]) -> str:
    """Why a transcript cannot be used, or nothing."""
    if transcript.contig not in lengths:
        return "on a contig the genome does not have"
    if transcript.end > lengths[transcript.contig]:
        return "behind the end of its contig"
    if not transcript.exons and not transcript.cds:
        return "without exons"
    if transcript.strand not in ("+", "-"):
        return "without a strand"
    if transcript.biotype == "protein_coding" and not transcript.cds:
        return "protein coding without CDS"
    return ""


def _untranslated(transcript: Transcript) -> Iterator[tuple[str, int, int]]:
    """Exons minus the coding span: before it 5' on the forward strand, 3' on the other."""
    first = min(start for start, _, _ in transcript.cds)
    last = max(end for _, end, _ in transcript.cds)
    before, after = "five_prime_UTR", "three_prime_UTR"
    if transcript.strand == "-":
        before, after = after, before
    for start, end in transcript.exons:
        if start < first:
            yield before, start, min(end, first - 1)
        if end > last:
            yield after, max(start, last + 1), end


def written(found: Iterable[Transcript]) -> Iterator[str]:
    """Lines in csq's style; a gene is written before its first transcript."""
    yield "##gff-version 3\n"
    genes: set[tuple[str, str]] = set()
    for each in found:
        where = f"{each.strand}\t.\t"
        if (each.contig, each.gene) not in genes:
            genes.add((each.contig, each.gene))
            told = f"ID=gene:{each.gene};Name={each.gene_name};biotype={each.biotype}"
            yield f"{each.contig}\tgas\tgene\t{each.start}\t{each.end}\t.\t{where}{told}\n"
        told = f"ID=transcript:{each.name};Parent=gene:{each.gene};biotype={each.biotype}"
        kind = "mRNA" if each.cds else "transcript"
        yield f"{each.contig}\tgas\t{kind}\t{each.start}\t{each.end}\t.\t{where}{told}\n"
        yield from _parts(each)


def _parts(each: Transcript) -> Iterator[str]:
    tail = f"Parent=transcript:{each.name}\n"
    for start, end in each.exons:
        yield f"{each.contig}\tgas\texon\t{start}\t{end}\t.\t{each.strand}\t.\t{tail}"
    for kind, start, end in each.utrs:
        yield f"{each.contig}\tgas\t{kind}\t{start}\t{end}\t.\t{each.strand}\t.\t{tail}"
    for start, end, phase in each.cds:
        yield f"{each.contig}\tgas\tCDS\t{start}\t{end}\t.\t{each.strand}\t{phase}\t{tail}"


def _bare(identifier: str) -> str:
    for prefix in ("gene:", "transcript:", "gene-", "rna-"):
        if identifier.startswith(prefix):
            return identifier[len(prefix) :]
    return identifier


def _name(gene: Feature) -> str:
    told = gene.attributes
    name = told.get("Name") or told.get("gene") or told.get("locus_tag") or _bare(told["ID"])
    return name.translate({ord(c): "_" for c in ";|,= \t"})
