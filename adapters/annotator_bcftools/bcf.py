"""BCF, the binary form of VCF, as text: htslib reads it, in a fork of its own."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from adapters.annotator_bcftools import sandbox
from adapters.annotator_bcftools.engine import EngineDied, reap
from domain.errors import InputRejected


def as_text(source: Path, target: Path) -> None:
    """Write a BCF file as plain VCF. Raises InputRejected ``corrupt_bcf`` when htslib cannot."""
    parent = os.getpid()
    pid = os.fork()
    if not pid:
        _run_view(source, target, parent)
    _, status = os.waitpid(pid, 0)
    try:
        reap(status, "reading BCF")
    except EngineDied as error:
        raise InputRejected("corrupt_bcf") from error


def _run_view(source: Path, target: Path, parent: int) -> None:
    """Become `bcftools view`; never returns."""
    sandbox.die_with_parent(parent)
    import pysam.bcftools
    import pysam.utils

    status = 1
    try:
        pysam.bcftools.view(
            "--no-version", "-Ov", "-o", str(target), str(source), catch_stdout=False
        )
        status = 0
    except pysam.utils.SamtoolsError as error:
        sys.stderr.write(f"{error}\n")
    finally:
        sys.stderr.flush()
        os._exit(status)
