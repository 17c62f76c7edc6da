"""The files the benchmarks annotate, the same ones every time."""

from __future__ import annotations

import random
from pathlib import Path

from adapters.annotator_bcftools.adding import Order, add
from adapters.annotator_bcftools.references import Library

BASES = "ACGT"
GENOME = 5_000_000  # bases of the made-up genome


def variants(folder: Path, reference: str, count: int) -> Path:
    """Substitutions at random places, sorted; the same ones every time."""
    found = Library(folder).get(reference)
    contig = found.contigs[0]
    lines = found.genome.read_text().splitlines()[1:]
    bases, chance = "".join(lines), random.Random(7)
    low, high = (266, 29600) if reference == "sars-cov-2" else (1, contig.length)
    places = sorted(chance.randint(low, high) for _ in range(count))
    path = folder / f"{reference}-{count}.vcf"
    with path.open("w") as out:
        out.write("##fileformat=VCFv4.2\n")
        out.write('##INFO=<ID=DP,Number=1,Type=Integer,Description="Depth">\n')
        out.write(f"##contig=<ID={contig.name},length={contig.length}>\n")
        out.write("#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n")
        for place in places:
            ref = bases[place - 1]
            alt = BASES[(BASES.index(ref) + chance.randint(1, 3)) % 4]
            out.write(
                f"{contig.name}\t{place}\t.\t{ref}\t{alt}\t{place % 60}\tPASS\tDP={place % 997}\n"
            )
    return path


def made_up(folder: Path) -> None:
    """A genome with a gene of three exons every 20 kb, 3 % of it coding."""
    chance = random.Random(3)
    fasta, genes = folder / "genome.fa", folder / "genes.gff3"
    fasta.write_text(">1\n" + "".join(chance.choices(BASES, k=GENOME)) + "\n")
    rows = ["##gff-version 3"]
    for at in range(1000, GENOME - 10_000, 20_000):
        name, end = f"G{at}", at + 6599
        tail = f"ID=gene:{name};Name={name};biotype=protein_coding"
        rows.append(f"1\tx\tgene\t{at}\t{end}\t.\t+\t.\t{tail}")
        tail = f"ID=transcript:T{at};Parent=gene:{name};biotype=protein_coding"
        rows.append(f"1\tx\tmRNA\t{at}\t{end}\t.\t+\t.\t{tail}")
        for start in (at, at + 3000, at + 6000):
            for kind, phase in (("exon", "."), ("CDS", "0")):
                rows.append(
                    f"1\tx\t{kind}\t{start}\t{start + 599}\t.\t+\t{phase}\tParent=transcript:T{at}"
                )
    genes.write_text("\n".join(rows) + "\n")
    add(Order("made-up", str(fasta), str(genes)), folder, progress=lambda source, done: None)
