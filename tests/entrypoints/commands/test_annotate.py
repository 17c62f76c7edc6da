"""`gas annotate` and `gas reference` as a person at a terminal meets them."""

from __future__ import annotations

import gzip
import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from adapters.annotator_bcftools.references import BUNDLED
from entrypoints.commands.annotate import annotate
from entrypoints.commands.reference import reference

EXAMPLE = BUNDLED / "sars-cov-2" / "example.vcf"


def test_without_a_target_the_result_goes_to_standard_output() -> None:
    done = CliRunner().invoke(annotate, [str(EXAMPLE), "--reference", "sars-cov-2"])
    assert done.exit_code == 0
    assert done.stdout.startswith("##fileformat=VCFv4.2\n")
    assert "614D>614G" in done.stdout
    assert "16 records annotated" in done.stderr


def test_the_name_of_the_target_decides_whether_it_is_packed(tmp_path: Path) -> None:
    for name in ("out.vcf", "out.vcf.gz"):
        done = CliRunner().invoke(
            annotate, [str(EXAMPLE), str(tmp_path / name), "-r", "sars-cov-2"]
        )
        assert (done.exit_code, done.stdout) == (0, "")
    assert (tmp_path / "out.vcf.gz.tbi").exists()
    packed = gzip.decompress((tmp_path / "out.vcf.gz").read_bytes())
    assert packed == (tmp_path / "out.vcf").read_bytes()


def test_a_refused_file_exits_1_with_the_sentence_and_leaves_no_target(tmp_path: Path) -> None:
    bad = tmp_path / "bad.vcf"
    bad.write_bytes(EXAMPLE.read_bytes().replace(b"23403", b"99999"))
    done = CliRunner().invoke(annotate, [str(bad), str(tmp_path / "out.vcf"), "-r", "sars-cov-2"])
    assert done.exit_code == 1
    assert "Line 13, column 2: The position lies behind the end of NC_045512.2" in done.stderr
    assert not (tmp_path / "out.vcf").exists()


def test_an_unknown_reference_exits_1_and_a_missing_one_2() -> None:
    unknown = CliRunner().invoke(annotate, [str(EXAMPLE), "-r", "klingon"])
    assert unknown.exit_code == 1
    assert "Choose one of: human-mt, sars-cov-2" in unknown.stderr
    assert CliRunner().invoke(annotate, [str(EXAMPLE)]).exit_code == 2


def test_references_are_listed_as_a_table_and_as_json() -> None:
    assert "SARS-CoV-2 (Wuhan-Hu-1)" in CliRunner().invoke(reference, ["list"]).stdout
    rows = json.loads(CliRunner().invoke(reference, ["list", "--json"]).stdout)
    assert {row["name"] for row in rows} >= {"human-mt", "sars-cov-2"}


def test_a_reference_without_an_organism_is_shown_without_a_gap(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "plain"
    shutil.copytree(BUNDLED / "human-mt", folder)
    document = json.loads((folder / "reference.json").read_text())
    told = {**document, "name": "plain", "organism": "", "assembly": "a1"}
    (folder / "reference.json").write_text(json.dumps(told))
    monkeypatch.setenv("GAS_REFERENCES", str(tmp_path))
    shown = CliRunner().invoke(reference, ["show", "plain"])
    assert shown.stdout.splitlines()[1] == "a1"


def test_a_reference_with_the_standard_code_is_added_shown_and_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GAS_REFERENCES", str(tmp_path))
    sars = BUNDLED / "sars-cov-2"
    sources = ["--fasta", str(sars / "genome.fa"), "--gff", str(sars / "genes.gff3")]
    done = CliRunner().invoke(reference, ["add", "wuhan", *sources])
    assert done.exit_code == 0, done.stderr
    assert f"Try it: gas annotate {tmp_path / 'wuhan' / 'example.vcf'} -r wuhan" in done.stdout
    assert "Genetic code" not in done.stdout
    assert "wuhan" in CliRunner().invoke(reference, ["list"]).stdout
    assert CliRunner().invoke(reference, ["remove", "wuhan"]).exit_code == 0
    assert "wuhan" not in CliRunner().invoke(reference, ["list"]).stdout


def test_sharing_needs_a_service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("GAS_DATA_DIR", str(tmp_path))
    done = CliRunner().invoke(reference, ["share", "human-mt"])
    assert done.exit_code == 1
    assert "No service runs here" in done.stderr
