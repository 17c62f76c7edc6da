"""What a run leaves behind, and that every file of it can be read by who it is for."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from adapters.annotator_bcftools.annotator import BcftoolsAnnotator
from adapters.annotator_bcftools.consequences import CONSEQUENCES, IMPACTS, impact, terms
from adapters.annotator_bcftools.exports import COLUMNS, as_ann, as_json, as_tsv, hgvs_protein, safe
from tests.adapters.annotator.conftest import Bench, Made
from tests.adapters.annotator.vcf import SARS, base, snv, vcf


@pytest.fixture
def example(run: Bench) -> Made:
    return run(BcftoolsAnnotator().example("sars-cov-2"))


def test_every_product_is_named_with_size_and_digest(example: Made) -> None:
    names = [product.name for product in example.annotation.products]
    assert names == [
        "annotated.vcf.gz", "annotated.vcf.gz.tbi", "log.txt", "stats.txt", "summary.json",
        "variants.parquet",
    ]  # fmt: skip
    for product in example.annotation.products:
        assert product.bytes == product.path.stat().st_size > 0


def test_the_summary_counts_what_is_in_the_result(example: Made) -> None:
    found = example.summary
    rows = {row["consequence"]: row for row in found["by_consequence"]}
    assert rows["missense"]["so_term"] == "missense_variant"
    assert rows["missense"]["so_accession"] == "SO:0001583"
    assert rows["missense"]["records"] == example.annotation.by_consequence["missense"] == 10
    assert found["by_impact"] == {"HIGH": 1, "MODERATE": 12, "LOW": 1, "MODIFIER": 2}
    assert found["by_gene"][0]["gene"] == "S"
    assert found["by_contig"] == {SARS: 16}
    assert found["by_type"] == {"deletion": 2, "mnv": 1, "snv": 13}
    assert found["ti_tv"] == {"transitions": 8, "transversions": 5, "ratio": 1.6}
    assert found["indel_lengths"] == {"-9": 1, "-6": 1}


def test_the_table_has_one_row_per_record_and_effect(example: Made) -> None:
    import duckdb

    table = duckdb.read_parquet(str(example.folder / "variants.parquet"))
    row = table.filter("pos = 23403").fetchone()
    assert row is not None
    found = dict(zip(table.columns, row, strict=True))
    expected = {
        "vid": 9, "k": 0, "chrom": SARS, "pos": 23403, "id": "S-D614G", "ref": "A", "alt": "G",
        "qual": None, "filter": "PASS", "consequence": "missense", "impact": "MODERATE",
        "gene": "S", "transcript": "YP_009724390.1", "biotype": "protein_coding", "strand": "+",
        "aa": "D614G", "dna": "23403A>G",
    }  # fmt: skip
    assert found == expected
    assert len(table) == 16, "the two ORF1ab transcripts of one effect are one row"
    impacts = table.project("consequence, impact").fetchall()
    assert all(impact(consequence) == each for consequence, each in impacts)


def test_a_record_without_an_effect_keeps_one_row_of_nulls(run: Bench) -> None:
    import duckdb

    made = run(vcf([snv(21558), snv(23403)]))
    table = duckdb.read_parquet(str(made.folder / "variants.parquet"))
    assert table.project("vid, k, consequence, impact").fetchall() == [
        (0, 0, None, None),
        (1, 0, "missense", "MODERATE"),
    ]


def test_the_summary_holds_the_first_page_and_the_facets_of_the_table(example: Made) -> None:
    table = example.summary["table"]
    assert table["rows"] == 16
    first = dict(zip(table["columns"], table["first"][0], strict=True))
    assert (first["pos"], first["consequence"]) == (241, "5_prime_utr")
    assert ["S", 7] in table["facets"]["gene"]


def test_long_proteins_are_cut_in_the_table_and_whole_in_the_result(run: Bench) -> None:
    import duckdb

    ref = base(300)
    deletion = f"{SARS}\t300\t.\t{ref}{base(301)}\t{ref}\t.\t.\t."
    made = run(vcf([deletion]))
    assert len(made.effects(0)[0][5]) > 4000
    table = duckdb.read_parquet(str(made.folder / "variants.parquet"))
    assert [len(aa) < 100 for (aa,) in table.project("aa").fetchall()] == [True]


def test_multiqc_knows_the_statistics_and_they_name_no_path(example: Made) -> None:
    text = (example.folder / "stats.txt").read_text()
    assert text.startswith("# This file was produced by bcftools stats")
    assert "SN\t0\tnumber of records:\t16" in text
    assert "/" not in text.split("\n")[1]


def test_ann_names_allele_term_impact_gene_and_protein(example: Made) -> None:
    lines = list(as_ann(line + "\n" for line in example.text.splitlines()))
    record = next(line for line in lines if "\t23403\t" in line)
    assert "ANN=G|missense_variant|MODERATE|S|S|transcript|YP_009724390.1|protein_coding" in record
    assert "|p.Asp614Gly|" in record
    assert record.split("ANN=")[1].split(",")[0].count("|") == 15
    assert not any("BCSQ" in line for line in lines)


@pytest.mark.parametrize(
    ("told", "hgvs"),
    [
        ("614D>614G", "p.Asp614Gly"),
        ("27Q>27*", "p.Gln27Ter"),
        ("924F", "p.Phe924="),
        ("68IHV>68I", ""),
        ("514*", "p.Ter514="),
    ],
)
def test_protein_changes_are_written_as_hgvs_where_that_is_exact(told: str, hgvs: str) -> None:
    assert hgvs_protein(told) == hgvs


def test_the_flat_table_has_a_row_per_effect(example: Made) -> None:
    rows = [line.rstrip("\n").split("\t") for line in as_tsv(example.text.splitlines())]
    assert rows[0] == list(COLUMNS)
    assert {len(row) for row in rows} == {len(COLUMNS)}
    assert len(rows) == 1 + 18, "two records lie in two transcripts of ORF1ab"


def test_json_has_numbers_as_numbers_and_cells_as_they_are() -> None:
    lines = ["1\t5\t=1+1\tA\t.\t30.5\tPASS\t.", "1\t6\t.\tA\tC\tnan\t.\tBCSQ=intron|G|T|lncRNA"]
    first, second = json.loads("".join(as_json(lines)))
    assert (first["pos"], first["qual"], first["id"], first["alt"]) == (5, 30.5, "=1+1", None)
    assert (first["consequence"], first["impact"]) == (None, None)
    assert (second["qual"], second["consequence"], second["aa"]) == (None, "intron", None)
    assert "'=1+1" in "".join(as_tsv(lines))


def test_no_cell_of_the_flat_table_is_a_formula() -> None:
    assert safe('=HYPERLINK("x")') == '\'=HYPERLINK("x")'
    assert safe("+") == "+"
    assert safe("-") == "-"


def test_every_term_of_the_engine_has_accession_and_impact() -> None:
    import pysam

    folder = Path(pysam.__file__).parent
    library = next(folder.glob("libcbcftools*.so")).read_bytes()
    begin = library.index(b"\0synonymous\0missense\0")
    listed = library[begin : library.index(b"start_retained\0", begin) + 14].split(b"\0")
    engine = {term.decode() for term in listed if term}
    assert engine <= set(CONSEQUENCES)
    assert all(each.impact in IMPACTS for each in CONSEQUENCES.values())
    assert terms("splice_region&intron") == ("splice_region", "intron")
    assert impact("*missense&stop_gained") == "HIGH"


def test_the_summary_is_one_line_per_part(example: Made) -> None:
    text = (example.folder / "summary.json").read_text()
    assert json.loads(text)["format"] == 1
    assert len(text.splitlines()) == len(json.loads(text)) + 2
