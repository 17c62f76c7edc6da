"""Names of persons' files."""

from __future__ import annotations

ENDINGS = (".vcf.gz", ".vcf.bgz", ".vcf", ".bcf", ".gz")


def stem(filename: str) -> str:
    """A file's name without what says that it is a VCF."""
    for ending in ENDINGS:
        if filename.lower().endswith(ending):
            return filename[: -len(ending)] or filename
    return filename
