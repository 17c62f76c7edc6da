"""BCF, the binary form of VCF, as text: htslib reads it, in a fork of its own."""

from __future__ import annotations

from pathlib import Path

from adapters.annotator_bcftools.forks import EngineDied, Fork
from domain.errors import InputRejected


def as_text(source: Path, target: Path) -> None:
    """Write a BCF file as plain VCF. Raises InputRejected ``corrupt_bcf`` when htslib cannot."""
    try:
        Fork("reading BCF", lambda: _view(source, target)).wait()
    except EngineDied as error:
        if error.code != "engine_crashed":
            raise
        raise InputRejected("corrupt_bcf") from error


def _view(source: Path, target: Path) -> None:
    import pysam.bcftools

    pysam.bcftools.view("--no-version", "-Ov", "-o", str(target), str(source), catch_stdout=False)
