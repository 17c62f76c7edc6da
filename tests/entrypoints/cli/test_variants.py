"""`gas variants` against a service that runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from adapters.annotator_bcftools.references import BUNDLED
from tests.entrypoints.cli.conftest import ONE, Call, Running


@pytest.fixture
def job(service: Running, gas_command: Call, tmp_path: Path) -> str:
    """The example, annotated."""
    path = BUNDLED / "sars-cov-2" / "example.vcf"
    said = gas_command("submit", path, "--reference", "sars-cov-2", "--wait")
    assert said.code == 0, said.err
    return said.lines[0]


def test_variants_are_listed_filtered_and_given_as_json(job: str, gas_command: Call) -> None:
    said = gas_command("variants", job, "--gene", "ORF8", "--impact", "high")
    assert (said.code, said.err) == (0, "")
    assert [line.split() for line in said.lines] == [
        ["CHROM", "POS", "ID", "REF", "ALT", "GENE", "CONSEQUENCE", "IMPACT", "PROTEIN"],
        ["NC_045512.2", "27972", "ORF8-Q27stop", "C", "T", "ORF8", "stop_gained", "HIGH", "Q27*"],
    ]
    found = gas_command("variants", job, "--text", "d614g", "--json")
    assert [(row["pos"], row["aa"]) for row in found.json] == [(23403, "D614G")]
    assert len(gas_command("variants", job, "--json").json) == 16
    assert gas_command("variants", job, "--gene", "none").lines[1:] == []
    some = gas_command("variants", job, "--limit", 3)
    assert len(some.lines) == 4
    assert "3 of 16 rows; give a larger --limit" in some.err
    assert gas_command("variants", job, "--impact", "large").code == 2


def test_a_job_without_variants_is_a_sentence(
    idle: Running, gas_command: Call, one_vcf: Path
) -> None:
    waiting = gas_command("submit", one_vcf, "-r", "sars-cov-2").lines[0]
    said = gas_command("variants", waiting)
    assert (said.code, said.out) == (1, "")
    assert "when the job is completed; it is waiting for its turn" in said.err
    gas_command("cancel", waiting)
    assert "was cancelled, so it has no variants" in gas_command("variants", waiting).err
    assert "There is no job" in gas_command("variants", "nonsense").err


def test_nothing_in_a_file_steers_the_terminal(
    service: Running, gas_command: Call, one_vcf: Path
) -> None:
    one_vcf.write_text(ONE.replace("\t.\tA", f"\t\x1b[31m{'long' * 9}\tA"))
    job = gas_command("submit", one_vcf, "-r", "sars-cov-2", "--wait").lines[0]
    table = gas_command("variants", job).out
    assert "\x1b" not in table
    assert "\N{REPLACEMENT CHARACTER}[31mlonglonglonglonglo…" in table
    assert gas_command("variants", job, "--json").json[0]["id"] == "\x1b[31m" + "long" * 9
