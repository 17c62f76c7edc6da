"""A file that cannot be annotated is refused with a sentence that says where and what to do."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from adapters.annotator_bcftools.annotator import BcftoolsAnnotator
from domain.errors import InputRejected, NotFound
from domain.ports import Limits
from tests.adapters.annotator.conftest import Bench
from tests.adapters.annotator.corpus import good
from tests.adapters.annotator.vcf import SARS, base, other, snv, vcf

GOOD = vcf([snv(position) for position in range(300, 400)])


def wrong(share: float, count: int = 400) -> str:
    """A file in which this share of the records has another REF than the genome."""
    every = round(1 / share)
    records = []
    for position in range(300, 300 + count):
        ref = other(base(position)) if position % every == 0 else base(position)
        records.append(f"{SARS}\t{position}\t.\t{ref}\t{other(ref)}\t.\t.\t.")
    return vcf(records)


REFUSED: dict[str, tuple[bytes, str, int | None]] = {
    "an empty file": (b"", "empty_file", None),
    "a packed empty file": (gzip.compress(b""), "empty_file", None),
    "a header alone": (vcf([]).encode(), "no_records", None),
    "records alone": ("\n".join([snv(300), snv(301)]).encode(), "no_header", 1),
    "no column line": (GOOD.replace("#CHROM", "CHROM").encode(), "no_column_line", 3),
    "binary junk": (bytes(range(256)) * 40, "nul", 1),
    "a ZIP": (b"PK\x03\x04" + bytes(100), "not_vcf", None),
    "a cut gzip": (gzip.compress(GOOD.encode())[:-20], "truncated", None),
    "a broken gzip": (gzip.compress(GOOD.encode())[:60] + b"?" * 90, "corrupt_gzip", None),
    "another genome": (wrong(0.2).encode(), "wrong_build", 4),
    "position 0": (vcf([snv(300).replace("\t300\t", "\t0\t")]).encode(), "position_zero", 4),
    "behind the end": (
        vcf([snv(300).replace("\t300\t", "\t29904\t")]).encode(), "position_past_end", 4,
    ),
    "spaces": (GOOD.replace("\t", " ").encode(), "spaces", 3),
    "Latin-1": (GOOD.replace("PASS", "caf\xe9", 1).encode("latin-1"), "not_utf8", 4),
}  # fmt: skip


@pytest.mark.parametrize("kind", REFUSED)
def test_a_bad_file_is_refused_with_its_code_and_line(run: Bench, kind: str) -> None:
    data, code, line = REFUSED[kind]
    with pytest.raises(InputRejected) as refused:
        run(data)
    assert (refused.value.code, refused.value.line) == (code, line)
    assert "{" not in str(refused.value)


@pytest.mark.parametrize("kind", REFUSED)
def test_the_early_look_at_the_whole_file_says_the_same(
    annotator: BcftoolsAnnotator, kind: str
) -> None:
    data, code, line = REFUSED[kind]
    with pytest.raises(InputRejected) as refused:
        annotator.peek(data, complete=True, reference="sars-cov-2", limits=Limits())
    assert (refused.value.code, refused.value.line) == (code, line)


def test_one_percent_wrong_ref_is_not_another_genome(run: Bench) -> None:
    assert run(wrong(0.01)).annotation.skipped == {"wrong_ref": 4}


def test_a_file_for_another_reference_is_told_which_it_looks_like(
    run: Bench, annotator: BcftoolsAnnotator
) -> None:
    with pytest.raises(InputRejected, match="It looks like SARS-CoV-2"):
        run(annotator.example("sars-cov-2"), "human-mt")
    with pytest.raises(InputRejected, match="It looks like human GRCh38"):
        run(vcf([snv(300)], contigs=[("chr1", 248956422), ("chr2", 242193529)]))


def test_another_length_of_the_same_contig_is_another_genome(run: Bench) -> None:
    text = vcf(["chrM\t73\t.\tA\tG\t.\t.\t."], contigs=[("chrM", 16571)])
    with pytest.raises(InputRejected, match=r"chrM has 16,571 bases.*looks like human mito"):
        run(text, "human-mt")


def test_more_than_the_plan_allows_is_refused(run: Bench) -> None:
    with pytest.raises(InputRejected, match="1,000 bytes"):
        run(GOOD, limits=Limits(decompressed_bytes=1000))


def test_the_log_of_a_refused_file_says_why(run: Bench, tmp_path: Path) -> None:
    with pytest.raises(InputRejected):
        run(wrong(0.2), folder=tmp_path)
    log = (tmp_path / "log.txt").read_text()
    assert "Refused (wrong_build)" in log
    assert "Line 4: REF differs" in log


def test_an_unknown_reference_is_named_with_the_ones_there_are(
    annotator: BcftoolsAnnotator,
) -> None:
    with pytest.raises(NotFound, match="human-mt, sars-cov-2"):
        annotator.provenance("../../etc")


def test_a_file_cut_at_any_byte_passes_the_early_look(annotator: BcftoolsAnnotator) -> None:
    for data in (GOOD.encode(), gzip.compress(GOOD.encode())):
        for cut in range(1, len(data), 97):
            annotator.peek(data[:cut], complete=False, reference="sars-cov-2", limits=Limits())


def test_a_file_of_another_genome_is_never_said_to_look_like_the_chosen_one(run: Bench) -> None:
    for content in (wrong(0.2), good().replace("29903", "29902")):
        with pytest.raises(InputRejected) as refused:
            run(content)
        assert "looks like" not in str(refused.value)
