"""A result can be made again, byte for byte, or the reason why not is said."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import pytest

from adapters.annotator_bcftools.annotator import BcftoolsAnnotator
from adapters.annotator_bcftools.reproduce import (
    CannotReproduce,
    Reproduction,
    reproduce,
)
from domain.ports import Limits, Options, Provenance
from domain.ports.annotation import PLAIN
from tests.adapters.annotator.conftest import Bench, Made
from tests.adapters.annotator.vcf import snv, vcf

TEXT = vcf([snv(position) for position in range(300, 400)])


def again(
    made: Made,
    folder: Path,
    *,
    recorded: Provenance | None = None,
    text: str = TEXT,
    options: Options = PLAIN,
    anyway: bool = False,
) -> Reproduction:
    return reproduce(
        BcftoolsAnnotator(),
        io.BytesIO(text.encode()),
        recorded=recorded or made.annotation.provenance,
        options=options,
        anyway=anyway,
        input_sha256=made.annotation.input_sha256,
        digests=made.digests(),
        workdir=folder,
        limits=Limits(),
        progress=lambda step, percent: None,
        stopped=lambda: False,
    )


def test_every_product_comes_out_the_same_again(run: Bench, tmp_path: Path) -> None:
    made = run(TEXT)
    proof = again(made, tmp_path / "again")
    assert proof.proved
    assert set(proof.same) == set(made.digests())


def test_a_changed_result_is_named(run: Bench, tmp_path: Path) -> None:
    made = run(TEXT)
    product = made.annotation.products[0]
    changed = replace(made.annotation, products=(replace(product, sha256="0" * 64),))
    proof = again(Made(changed, made.folder), tmp_path / "again")
    assert (proof.proved, proof.different) == (False, ("annotated.vcf.gz",))


@pytest.mark.parametrize(
    ("field", "sentence"),
    [
        ("engine_version", "another version of the engine: 1.9 then, 1.24 now"),
        ("reference_sha256", "another content of the reference"),
    ],
)
def test_another_engine_or_reference_is_refused_with_a_sentence(
    run: Bench, tmp_path: Path, field: str, sentence: str
) -> None:
    made = run(TEXT)
    recorded = replace(made.annotation.provenance, **{field: "1.9"})
    with pytest.raises(CannotReproduce, match=sentence):
        again(made, tmp_path / "again", recorded=recorded)


def test_another_input_is_refused(run: Bench, tmp_path: Path) -> None:
    made = run(TEXT)
    with pytest.raises(CannotReproduce, match="its digest differs"):
        again(made, tmp_path / "again", text=vcf([snv(500)]))


def test_another_engine_is_compared_all_the_same_when_asked(run: Bench, tmp_path: Path) -> None:
    made = run(TEXT)
    recorded = replace(made.annotation.provenance, engine_version="1.9")
    assert again(made, tmp_path / "again", recorded=recorded, anyway=True).proved


def test_the_options_of_the_run_are_those_of_the_job(run: Bench, tmp_path: Path) -> None:
    made = run(TEXT)
    with pytest.raises(CannotReproduce, match="another parameters"):
        again(made, tmp_path / "again", options=Options(normalise=True))
