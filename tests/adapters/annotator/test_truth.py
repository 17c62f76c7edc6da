"""What is known about real variants is what comes out."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from adapters.annotator_bcftools.annotator import BcftoolsAnnotator
from adapters.annotator_bcftools.references import BUNDLED
from tests.adapters.annotator.conftest import Bench


@pytest.mark.parametrize("reference", ["sars-cov-2", "human-mt"])
def test_the_example_of_every_bundled_reference_gives_its_truth_table(
    run: Bench, annotator: BcftoolsAnnotator, reference: str
) -> None:
    made = run(annotator.example(reference), reference)
    with (BUNDLED / reference / "truth.tsv").open() as table:
        truth = list(csv.DictReader(table, delimiter="\t"))
    assert len(made.records) == len(truth)
    for at, expected in enumerate(truth):
        assert made.records[at][:5] == [
            expected[name] for name in ("chrom", "pos", "id", "ref", "alt")
        ]
        found = {
            (effect[1], effect[0], effect[5] if len(effect) > 5 else "")
            for effect in made.effects(at)
        }
        assert (expected["gene"], expected["consequence"], expected["protein"]) in found


def test_real_lofreq_calls_without_contig_lines_annotate_completely(
    run: Bench, outside: Path
) -> None:
    raw = (outside / "lofreq-no-contig-lines.vcf").read_bytes()
    given = [line for line in raw.decode().splitlines() if not line.startswith("#")]
    made = run(raw)
    assert len(made.records) == len(given) == made.summary["annotated"]
    assert made.annotation.skipped == {}
    for line, record in zip(given, made.records, strict=True):
        assert "\t".join(record).startswith(line + ";BCSQ="), "the person's own columns are kept"
    assert "##contig=<ID=NC_045512.2,length=29903>" in made.header


def test_the_mitochondrion_is_translated_with_its_own_code(run: Bench) -> None:
    """m.7445A>G keeps the stop of COX1 only in NCBI table 2, where AGA is a stop (it was AGA)."""
    made = run(BcftoolsAnnotator().example("human-mt"), "human-mt")
    record = next(at for at, fields in enumerate(made.records) if fields[1] == "7445")
    assert made.effects(record)[0][0] == "stop_retained"
    assert made.annotation.provenance.parameters.endswith("-C 2")


def test_adjacent_changes_are_never_joined_into_one_haplotype(run: Bench) -> None:
    """Without samples csq would read E484K and T478K as one molecule: 484E>482K."""
    made = run(BcftoolsAnnotator().example("sars-cov-2"))
    proteins = {effect[5] for at in range(16) for effect in made.effects(at) if len(effect) > 5}
    assert {"484E>484K", "478T>478K"} <= proteins
