"""``python -I -m adapters.annotator_bcftools.probe FOLDER``: can the engine use a new reference?

Runs csq on no records with the folder's genome and genes, and indexes ``known.vcf`` if there is
one. Run as a process of its own, like everything that loads the engine.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path


def main() -> None:
    """Print what csq says about the genes; exit 1 when it cannot use them."""
    import pysam
    import pysam.bcftools

    os.chdir(sys.argv[1])
    lengths = _lengths()
    contigs = "".join(f"##contig=<ID={name},length={length}>\n" for name, length in lengths.items())
    Path("empty.vcf").write_text(
        f"##fileformat=VCFv4.2\n{contigs}#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"
    )
    pysam.bcftools.csq(
        "--local-csq", "--force", "-f", "genome.fa", "-g", "genes.gff3", "-Ov", "-o", "empty.out",
        "empty.vcf", catch_stdout=False,
    )  # fmt: skip
    sys.stdout.write(str(pysam.bcftools.csq.stderr))
    for name in ("empty.vcf", "empty.out"):
        Path(name).unlink()
    if Path("known.vcf").exists():
        pysam.bcftools.sort("-Oz", "-o", "known.vcf.gz", "known.vcf", catch_stdout=False)
        pysam.tabix_index(
            "known.vcf.gz", preset="vcf", force=True, csi=max(lengths.values()) > 2**29
        )
        Path("known.vcf").unlink()


def _lengths() -> dict[str, int]:
    rows = (line.split("\t") for line in Path("genome.fa.fai").read_text().splitlines())
    return {row[0]: int(row[1]) for row in rows}


if __name__ == "__main__":
    main()
