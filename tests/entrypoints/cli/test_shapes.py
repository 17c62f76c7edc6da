"""A result in other shapes, however the download falls into chunks."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from adapters.annotator_bcftools import BcftoolsAnnotator
from domain.ports import Limits
from entrypoints.commands.shapes import SHAPES


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The example of SARS-CoV-2, annotated."""
    annotator, folder = BcftoolsAnnotator(), tmp_path_factory.mktemp("shapes")
    annotator.annotate(
        io.BytesIO(annotator.example("sars-cov-2")),
        reference="sars-cov-2",
        workdir=folder,
        limits=Limits(),
        progress=lambda step, percent: None,
        stopped=lambda: False,
    )
    return Path(folder / "annotated.vcf.gz").read_bytes()


def shaped(form: str, packed: bytes, size: int = 2**16) -> str:
    def chunks() -> Iterator[bytes]:
        for at in range(0, len(packed), size):
            yield packed[at : at + size]

    return b"".join(SHAPES[form](chunks())).decode()


@pytest.mark.parametrize("form", SHAPES)
def test_how_the_download_falls_into_chunks_changes_nothing(form: str, packed: bytes) -> None:
    assert shaped(form, packed, size=7) == shaped(form, packed)


def test_json_and_tsv_have_the_same_rows(packed: bytes) -> None:
    rows = list(csv.DictReader(io.StringIO(shaped("tsv", packed)), delimiter="\t"))
    objects = json.loads(shaped("json", packed))
    assert [[str(each["pos"]), each["aa"] or ""] for each in objects] == [
        [row["pos"], row["aa"]] for row in rows
    ]
    assert [list(each) for each in objects] == [list(row) for row in rows]
    spike = next(row for row in rows if row["pos"] == "23403")
    assert (spike["gene"], spike["consequence"], spike["aa"]) == ("S", "missense", "614D>614G")


def test_ann_names_terms_of_the_sequence_ontology(packed: bytes) -> None:
    (record,) = [line for line in shaped("ann", packed).splitlines() if "\t23403\t" in line]
    assert "ANN=G|missense_variant|MODERATE|S|S|" in record
    assert "p.Asp614Gly" in record
    assert "BCSQ" not in record
