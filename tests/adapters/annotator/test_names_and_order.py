"""A person's own contig names, columns and line ends are respected; order is mended."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from adapters.annotator_bcftools.annotator import BcftoolsAnnotator
from tests.adapters.annotator.conftest import Bench
from tests.adapters.annotator.vcf import COLUMNS, snv, vcf


@pytest.mark.parametrize(
    ("reference", "name"),
    [("sars-cov-2", "MN908947.3"), ("human-mt", "chrM"), ("human-mt", "M"), ("human-mt", "MT")],
)
def test_any_known_name_of_a_contig_is_understood_and_given_back(
    run: Bench, annotator: BcftoolsAnnotator, reference: str, name: str
) -> None:
    example = annotator.example(reference).decode()
    own = "NC_045512.2" if reference == "sars-cov-2" else "MT"
    made = run(example.replace(own, name), reference)
    assert {record[0] for record in made.records} == {name}
    assert made.summary["annotated"] == len(made.records)
    assert not any(f"ID={own}," in line for line in made.header if own != name)


def test_samples_and_every_other_column_come_back_unchanged(run: Bench) -> None:
    columns = COLUMNS + "\tFORMAT\tmother\tchild"
    info = "DP=1e3;AF=0.123456789;X=a,b"
    record = snv(300, info=info) + "\tGT:AD\t0/1:1,2\t./."
    made = run(vcf([record], columns=columns))
    assert made.records[0][:7] == record.split("\t")[:7]
    assert made.records[0][7].startswith(info + ";BCSQ=")
    assert made.records[0][8:] == ["GT:AD", "0/1:1,2", "./."]


def test_records_out_of_order_are_sorted_and_the_log_says_so(run: Bench) -> None:
    made = run(vcf([snv(900), snv(300), snv(600)]))
    assert [record[1] for record in made.records] == ["300", "600", "900"]
    assert "they were sorted" in made.log


def test_windows_line_ends_and_a_byte_order_mark_are_accepted(run: Bench) -> None:
    text = "\ufeff" + vcf([snv(300), snv(600)]).replace("\n", "\r\n")
    made = run(text)
    assert "\r" not in made.text
    assert made.summary["annotated"] == 2


def test_lower_case_bases_are_judged_like_capitals(run: Bench) -> None:
    fields = snv(23403).split("\t")
    lower = "\t".join([*fields[:3], fields[3].lower(), fields[4].lower(), *fields[5:]])
    made = run(vcf([lower]))
    assert made.records[0][3] == fields[3].lower()
    assert [e[:6] for e in made.effects(0)] == [e[:6] for e in run(vcf([snv(23403)])).effects(0)]


def test_gzip_bgzf_and_bcf_give_the_same_records_as_plain_text(run: Bench, tmp_path: Path) -> None:
    import pysam.bcftools

    text = vcf([snv(position) for position in range(300, 2000, 7)])
    plain = tmp_path / "plain.vcf"
    plain.write_text(text)
    pysam.tabix_compress(str(plain), str(tmp_path / "packed.vcf.gz"))
    pysam.bcftools.view("-Ob", "-o", str(tmp_path / "packed.bcf"), str(plain), catch_stdout=False)
    expected = run(text).records
    halves = gzip.compress(text[:500].encode()) + gzip.compress(text[500:].encode())
    assert run(gzip.compress(text.encode())).records == expected
    assert run(halves).records == expected
    assert run((tmp_path / "packed.vcf.gz").read_bytes()).records == expected
    assert run((tmp_path / "packed.bcf").read_bytes()).records == expected


def test_the_result_has_an_index_that_finds_records(run: Bench) -> None:
    import pysam

    made = run(vcf([snv(position) for position in range(300, 2000, 7)]))
    with pysam.TabixFile(str(made.folder / "annotated.vcf.gz")) as table:
        assert len(list(table.fetch("NC_045512.2", 299, 307))) == 2
