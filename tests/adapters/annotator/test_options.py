"""What a person may ask for besides the plain run."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import pytest

from adapters.annotator_bcftools.annotator import BcftoolsAnnotator
from domain.errors import InputRejected
from domain.ports import Limits, Options
from tests.adapters.annotator.conftest import Made
from tests.adapters.annotator.corpus import GT, SAMPLES
from tests.adapters.annotator.vcf import COLUMNS, SARS, base, genome, snv, vcf

Ask = Callable[..., Made]
ONE = COLUMNS + "\tFORMAT\tpatient"


@pytest.fixture
def ask(annotator: BcftoolsAnnotator, tmp_path_factory: pytest.TempPathFactory) -> Ask:
    """``ask(text, haplotypes=True)`` annotates with options."""

    def run(text: str, reference: str = "sars-cov-2", **options: bool) -> Made:
        workdir = tmp_path_factory.mktemp("job")
        annotation = annotator.annotate(
            io.BytesIO(text.encode()), reference=reference, workdir=workdir, limits=Limits(),
            progress=lambda step, percent: None, stopped=lambda: False, options=Options(**options),
        )  # fmt: skip
        return Made(annotation, workdir)

    return run


def codon(first: str, second: str) -> str:
    """Two changes in one codon of S (Q493, 23039-23041), phased as given."""
    rows = [
        f"{SARS}\t{place}\t.\t{base(place)}\t{alt}\t.\t.\t.\tGT:DP\t{genotype}"
        for place, alt, genotype in ((23039, "A", first), (23040, "G", second))
    ]
    return vcf(rows, columns=ONE, meta=[GT])


def proteins(made: Made) -> set[str]:
    found = (made.effects(at) for at in range(len(made.records)))
    return {effect[5] for effects in found for effect in effects if len(effect) > 5}


def test_changes_on_one_haplotype_are_judged_together(ask: Ask) -> None:
    together, apart = (
        ask(codon("0|1", "0|1"), haplotypes=True),
        ask(codon("0|1", "1|0"), haplotypes=True),
    )
    assert proteins(ask(codon("0|1", "0|1"))) == {"493Q>493K", "493Q>493R"}
    assert proteins(together) == {"493Q>493R"}
    assert proteins(apart) == {"493Q>493K", "493Q>493R"}


def test_the_samples_say_which_effect_lies_on_which_haplotype(ask: Ask) -> None:
    made = ask(codon("0|1:7", "1|0:9"), haplotypes=True)
    assert [record[8:] for record in made.records] == [
        ["GT:DP:BCSQ", "0|1:7:2"],
        ["GT:DP:BCSQ", "1|0:9:1"],
    ]
    assert any(line.startswith("##FORMAT=<ID=BCSQ,") for line in made.header)
    assert made.annotation.provenance.parameters.startswith("--phase r")


@pytest.mark.parametrize(
    ("text", "code", "column"),
    [
        (codon("0|1", "0/1"), "unphased", 10),
        (codon("0|1", "0|2"), "genotype", 10),
        (codon("0|1", "x"), "genotype", 10),
        (vcf([snv(300)]), "no_genotypes", None),
        (vcf([snv(300) + "\tDP\t1\t2"], columns=SAMPLES), "no_genotypes", None),
    ],
)
def test_haplotypes_need_phased_genotypes(
    ask: Ask, text: str, code: str, column: int | None
) -> None:
    with pytest.raises(InputRejected) as refused:
        ask(text, haplotypes=True)
    assert (refused.value.code, refused.value.column) == (code, column)


def a_repeat() -> int:
    """Where the genome first says one base four times, behind another."""
    bases = genome()
    for at in range(300, 29000):
        if len(set(bases[at : at + 4])) == 1 and bases[at - 1] != bases[at]:
            return at + 1
    raise AssertionError


def test_normalising_aligns_left_splits_alleles_and_keeps_the_rest(ask: Ask) -> None:
    start = a_repeat()
    right = (
        f"{SARS}\t{start + 2}\tdel\t{base(start + 2)}{base(start + 3)}\t{base(start + 2)}\t.\t.\t."
    )
    several = f"{SARS}\t23403\ttwo\tA\tG,T\t.\t.\tDP=5"
    bad = f"{SARS}\t25000\tbad\t{'A' if base(25000) != 'A' else 'C'}\tG\t.\t.\t."
    text = vcf(
        [right, several, bad, snv(26000), "other\t5\t.\tA\tC\t.\t.\t."],
        meta=['##INFO=<ID=DP,Number=1,Type=Integer,Description="d">'],
    )
    made = ask(text.replace(SARS, "MN908947.3"), normalise=True)
    assert (made.annotation.records_in, made.annotation.records_out) == (5, 6)
    found = {(record[2], record[4]): record for record in made.records}
    assert found["two", "G"][7].startswith("DP=5;BCSQ=missense|S")
    assert ("two", "T") in found
    assert int(next(r for r in made.records if r[2] == "del")[1]) == start - 1
    assert {record[0] for record in made.records} == {"MN908947.3", "other"}
    assert made.annotation.skipped == {"wrong_ref": 1, "unknown_contig": 1}
    assert "5 records became 6 by normalising" in made.log
    assert made.annotation.provenance.parameters.startswith("norm --multiallelics -any; ")


def test_what_cannot_be_normalised_is_said_without_paths(ask: Ask) -> None:
    text = vcf([snv(300, info="") + "\tGT:DP\t0|1"], columns=ONE, meta=[GT])
    with pytest.raises(InputRejected, match="cannot be left-aligned and split: a record") as told:
        ask(text, normalise=True)
    assert "/" not in str(told.value)


def test_the_command_takes_the_options(tmp_path: Path) -> None:
    from click.testing import CliRunner

    from entrypoints.commands.annotate import annotate

    path = tmp_path / "in.vcf"
    path.write_text(codon("0|1", "0|1"))
    done = CliRunner().invoke(annotate, [str(path), "-r", "sars-cov-2", "--haplotypes"])
    assert done.exit_code == 0, done.stderr
    assert "493Q>493K" not in done.stdout
