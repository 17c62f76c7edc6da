"""A lab bench for the annotator: runs a file through it and reads back what it made."""

from __future__ import annotations

import gzip
import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest

from adapters.annotator_bcftools.annotator import BcftoolsAnnotator
from adapters.annotator_bcftools.warm import WarmStarter
from domain.ports import Annotation, Limits

OUTSIDE = Path(__file__).parents[4] / "shared" / "data" / "tests"


@dataclass(frozen=True)
class Made:
    """One finished run: the port's answer and what lies in the folder."""

    annotation: Annotation
    folder: Path

    @cached_property
    def text(self) -> str:
        return gzip.decompress((self.folder / "annotated.vcf.gz").read_bytes()).decode()

    @property
    def header(self) -> list[str]:
        return [line for line in self.text.splitlines() if line.startswith("#")]

    @cached_property
    def records(self) -> list[list[str]]:
        return [line.split("\t") for line in self.text.splitlines() if not line.startswith("#")]

    @property
    def log(self) -> str:
        return (self.folder / "log.txt").read_text()

    @property
    def summary(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.folder / "summary.json").read_text())
        return found

    def effects(self, at: int) -> list[list[str]]:
        """The fields of every consequence of one record."""
        info = self.records[at][7].split(";")
        values = [each[5:] for each in info if each.startswith("BCSQ=")]
        return [effect.split("|") for effect in values[0].split(",")] if values else []

    def digests(self) -> dict[str, str]:
        return {product.name: product.sha256 for product in self.annotation.products}


Bench = Callable[..., Made]


@pytest.fixture(scope="session")
def starter() -> WarmStarter:
    """One for all tests of this process: starting it takes longer than most of them."""
    return WarmStarter()


@pytest.fixture(scope="session")
def annotator(starter: WarmStarter) -> BcftoolsAnnotator:
    return BcftoolsAnnotator(starter=starter)


@pytest.fixture
def run(annotator: BcftoolsAnnotator, tmp_path_factory: pytest.TempPathFactory) -> Bench:
    """``run(data, reference, **settings)`` annotates bytes or text in a fresh folder."""

    def bench(
        data: bytes | str,
        reference: str = "sars-cov-2",
        *,
        folder: Path | None = None,
        by: BcftoolsAnnotator | None = None,
        limits: Limits | None = None,
    ) -> Made:
        raw = data.encode() if isinstance(data, str) else data
        workdir = folder or tmp_path_factory.mktemp("job")
        annotation = (by or annotator).annotate(
            io.BytesIO(raw),
            reference=reference,
            workdir=workdir,
            limits=limits or Limits(),
            progress=lambda step, percent: None,
            stopped=lambda: False,
        )
        return Made(annotation, workdir)

    return bench


@pytest.fixture
def outside() -> Path:
    """Test inputs that are not part of the project."""
    if not OUTSIDE.is_dir():
        pytest.skip(f"*** TEST DATA IS MISSING: {OUTSIDE} — this was NOT tested ***")
    return OUTSIDE
