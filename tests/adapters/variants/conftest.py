"""Tables as the real annotator makes them, in a store that counts what is asked of it."""

from __future__ import annotations

import hashlib
import io
import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import duckdb
import pytest

from adapters.annotator_bcftools.annotator import BcftoolsAnnotator
from adapters.annotator_bcftools.references import BUNDLED
from adapters.annotator_bcftools.warm import WarmStarter
from adapters.variants_duckdb import DuckDbTables
from domain.ports import Limits, VariantRow, VariantTable
from tests.adapters.annotator.vcf import SARS, genome, vcf
from tests.memory import MemoryObjects

COUNT = 120


class CountingStore(MemoryObjects):
    """Knows how often each object was opened."""

    def __init__(self) -> None:
        super().__init__()
        self.opened: list[str] = []

    def open(self, key: str, *, if_match: str | None = None) -> BinaryIO:
        self.opened.append(key)
        return super().open(key, if_match=if_match)


@dataclass(frozen=True)
class Stored:
    """A table in the store; ``rows`` were read without our code."""

    key: str
    sha256: str
    data: bytes
    rows: list[VariantRow]

    def into(self, store: MemoryObjects) -> Stored:
        store.put(self.key, self.data)
        return self


Annotate = Callable[[bytes, str], Stored]


@pytest.fixture(scope="session")
def annotate(tmp_path_factory: pytest.TempPathFactory) -> Annotate:
    """The table that the annotator makes of a file."""
    annotator = BcftoolsAnnotator(starter=WarmStarter())

    def table_of(data: bytes, reference: str) -> Stored:
        workdir = tmp_path_factory.mktemp("job")
        annotator.annotate(
            io.BytesIO(data),
            reference=reference,
            workdir=workdir,
            limits=Limits(),
            progress=lambda step, percent: None,
            stopped=lambda: False,
        )
        return stored(workdir / "variants.parquet")

    return table_of


def stored(path: Path) -> Stored:
    """A table from a file."""
    data = path.read_bytes()
    digest = hashlib.sha256(data).hexdigest()
    relation = duckdb.read_parquet(str(path))
    rows = [
        VariantRow(**dict(zip(relation.columns, each, strict=True)))
        for each in relation.order("vid, k").fetchall()
    ]
    return Stored(f"results/{digest[:8]}/1/variants.parquet", digest, data, rows)


@pytest.fixture(scope="session")
def examples(annotate: Annotate) -> dict[str, Stored]:
    """The tables of both bundled examples."""
    names = ("sars-cov-2", "human-mt")
    return {name: annotate((BUNDLED / name / "example.vcf").read_bytes(), name) for name in names}


@pytest.fixture(scope="session")
def many(annotate: Annotate) -> Stored:
    """Random changes all over the genome: of every kind, some with several effects, some none."""
    chance, bases = random.Random(11), genome()
    lines = []
    for pos in sorted(chance.sample(range(1, 29_800), COUNT)):
        ref = bases[pos - 1 : pos - 1 + chance.choice([1, 1, 1, 3, 4])]
        others = [base for base in "ACGT" if base != ref[0]]
        alts = chance.sample(others, chance.choice([1, 1, 2]))
        name = chance.choice([".", f"rs{pos}", f"mine;{pos}", "100%_sure"])
        lines.append(f"{SARS}\t{pos}\t{name}\t{ref}\t{','.join(alts)}\t{pos % 60}\tPASS\t.")
    return annotate(vcf(lines).encode(), "sars-cov-2")


@pytest.fixture
def store() -> CountingStore:
    return CountingStore()


@pytest.fixture
def tables(store: CountingStore, tmp_path: Path) -> DuckDbTables:
    return DuckDbTables(store, tmp_path / "tables")


@pytest.fixture
def table(store: CountingStore, tables: DuckDbTables, many: Stored) -> VariantTable:
    many.into(store)
    return tables.open(many.key, many.sha256)
