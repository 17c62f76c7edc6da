"""References are added from what Ensembl and NCBI publish, checked, and found again."""

from __future__ import annotations

import gzip
import hashlib
import threading
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from adapters.annotator_bcftools.adding import Added, Order, add, remove
from adapters.annotator_bcftools.annotator import BcftoolsAnnotator
from adapters.annotator_bcftools.fasta import BadReference
from adapters.annotator_bcftools.references import BUNDLED, Library
from adapters.annotator_bcftools.warm import WarmStarter
from tests.adapters.annotator.conftest import Bench, Made
from tests.adapters.annotator.vcf import genome, other, snv, vcf

MT = BUNDLED / "human-mt"
NCBI = """\
##gff-version 3
NC_045512.2\tRefSeq\tregion\t1\t29903\t.\t+\t.\tID=NC_045512.2:1..29903;Dbxref=taxon:2697049
NC_045512.2\tRefSeq\tgene\t21563\t25384\t.\t+\t.\tID=gene-GU280_gp02;Name=S;gene_biotype=protein_coding
NC_045512.2\tRefSeq\tCDS\t21563\t25384\t.\t+\t0\tID=cds-YP_009724390.1;Parent=gene-GU280_gp02;protein_id=YP_009724390.1;transl_table=1
NC_045512.2\tRefSeq\tgene\t26000\t26400\t.\t+\t.\tID=gene-X;Name=X;gene_biotype=protein_coding
NC_045512.2\tRefSeq\tmRNA\t26000\t26400\t.\t+\t.\tID=rna-NM_1.1;Parent=gene-X;transcript_id=NM_1.1
NC_045512.2\tRefSeq\texon\t26000\t26400\t.\t+\t.\tID=exon-1;Parent=rna-NM_1.1
NC_045512.2\tRefSeq\tCDS\t26100\t26300\t.\t+\t0\tID=cds-1;Parent=rna-NM_1.1
NC_045512.2\tRefSeq\tgene\t29000\t31000\t.\t+\t.\tID=gene-Y;Name=Y
NC_045512.2\tRefSeq\tmRNA\t29000\t31000\t.\t+\t.\tID=rna-NM_2.1;Parent=gene-Y
NC_045512.2\tRefSeq\texon\t29000\t31000\t.\t+\t.\tID=exon-2;Parent=rna-NM_2.1
NC_9\tRefSeq\tgene\t1\t10\t.\t+\t.\tID=gene-Z
NC_9\tRefSeq\ttRNA\t1\t10\t.\t+\t.\tID=rna-Z;Parent=gene-Z
NC_9\tRefSeq\texon\t1\t10\t.\t+\t.\tID=exon-Z;Parent=rna-Z
"""


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    return tmp_path / "references"


STARTER = WarmStarter()


def with_added(installed: Path) -> BcftoolsAnnotator:
    """An annotator that has these references too."""
    return BcftoolsAnnotator(installed, STARTER)


def put(order: Order, installed: Path) -> Added:
    return add(order, installed, progress=lambda source, done: None)


@pytest.fixture
def ncbi(tmp_path: Path, installed: Path) -> Added:
    (tmp_path / "genes.gff").write_text(NCBI)
    fasta = BUNDLED / "sars-cov-2" / "genome.fa"
    return put(Order("wuhan", str(fasta), str(tmp_path / "genes.gff")), installed)


def test_ncbi_genes_are_converted_and_counted(ncbi: Added) -> None:
    assert ncbi.taken == {"coding": 2}
    assert ncbi.dropped == {
        "behind the end of its contig": 1,
        "on a contig the genome does not have": 1,
    }
    assert ncbi.engine.startswith("Indexed 2 transcripts")


def test_a_reference_from_ncbi_annotates(run: Bench, ncbi: Added, installed: Path) -> None:
    made = run(vcf([snv(23403), snv(26050), snv(26350)]), "wuhan", by=with_added(installed))
    assert made.effects(0)[0][:3] == ["missense", "S", "YP_009724390.1"]
    assert [made.effects(at)[0][0] for at in (1, 2)] == ["5_prime_utr", "3_prime_utr"]


def test_a_copy_of_a_bundled_reference_annotates_like_it(run: Bench, installed: Path) -> None:
    added = put(Order("copy", str(MT / "genome.fa"), str(MT / "genes.gff3")), installed)
    assert added.document["contigs"][0]["md5"] == "c68f52674c9fb33aef52dcf399755519"
    assert added.document["contigs"][0]["genetic_code"] == 2
    example = (MT / "example.vcf").read_bytes()
    mine = run(example, "copy", by=with_added(installed))
    assert mine.records == run(example, "human-mt").records


def test_its_example_is_made_and_annotates(run: Bench, installed: Path) -> None:
    put(Order("copy", str(MT / "genome.fa"), str(MT / "genes.gff3")), installed)
    annotator = with_added(installed)
    made = run(annotator.example("copy"), "copy", by=annotator)
    assert made.summary["annotated"] == len(made.records) == 10


@pytest.fixture
def published(tmp_path: Path) -> Iterator[str]:
    """A web server on loopback with a gzipped genome and its genes."""
    site = tmp_path / "site"
    site.mkdir()
    for name in ("genome.fa", "genes.gff3"):
        (site / f"{name}.gz").write_bytes(gzip.compress((MT / name).read_bytes()))
    handler = partial(_Quiet, directory=str(site))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Say nothing on standard error."""


def test_a_reference_comes_from_the_web_with_its_digests(published: str, installed: Path) -> None:
    genome_url, genes_url = f"{published}/genome.fa.gz", f"{published}/genes.gff3.gz"
    right = hashlib.sha256(gzip.compress((MT / "genome.fa").read_bytes())).hexdigest()
    with pytest.raises(BadReference, match="has the sha256"):
        put(Order("web", genome_url, genes_url, digests={"fasta": "0" * 64}), installed)
    added = put(Order("web", genome_url, genes_url), installed)
    assert added.document["sources"]["fasta"]["from"] == "genome.fa.gz"
    assert len(added.document["sources"]["fasta"]["sha256"]) == len(right)
    with pytest.raises(BadReference, match="cannot be read"):
        put(Order("none", f"{published}/nothing.fa", genes_url), installed)


def test_nothing_is_left_of_a_reference_that_could_not_be_added(
    tmp_path: Path, installed: Path
) -> None:
    (tmp_path / "empty.gff").write_text("##gff-version 3\n")
    with pytest.raises(BadReference, match="No transcript of the GFF file fits the genome"):
        put(Order("bad", str(MT / "genome.fa"), str(tmp_path / "empty.gff")), installed)
    assert list(installed.iterdir()) == []


@pytest.mark.parametrize(
    ("order", "sentence"),
    [
        (Order("../x", "a", "b"), "A reference's name is"),
        (Order("human-mt", "a", "b"), "There is a reference human-mt already"),
        (Order("x", "/nowhere.fa", "b"), "cannot be read"),
        (Order("x", "file:///etc/passwd", "b"), "neither a file nor an http"),
        (Order("x", str(MT / "genes.gff3"), "b"), "has no “>” line"),
        (
            Order("x", "a", "b", digests={"genome": "0" * 64}),
            "fasta, gff or known, not for “genome”",
        ),
        (Order("x", "a", "b", digests={"fasta": "0" * 63}), "64 hexadecimal digits"),
        (Order("x", "a", "b", digests={"known": "0" * 64}), "but none are given"),
        (Order("x", "a", "b", known_columns=("AF",)), "but none are given"),
        (
            Order("x", str(MT / "genome.fa"), str(MT / "genes.gff3"), codes={"Q": 2}),
            "has no contig Q",
        ),
    ],
)
def test_what_cannot_be_added_is_refused_with_a_sentence(
    order: Order, sentence: str, installed: Path
) -> None:
    with pytest.raises(BadReference, match=sentence.replace("(", r"\(")):
        put(order, installed)


def test_added_references_can_be_removed_and_bundled_ones_not(installed: Path) -> None:
    put(Order("copy", str(MT / "genome.fa"), str(MT / "genes.gff3")), installed)
    remove("copy", installed)
    assert [each.name for each in Library(installed).all()] == ["human-mt", "sars-cov-2"]
    with pytest.raises(BadReference, match="comes with the service"):
        remove("human-mt", installed)


def test_bundled_files_are_what_their_digests_say() -> None:
    for reference in Library().all():
        for name, digest in reference.files.items():
            assert hashlib.sha256((reference.folder / name).read_bytes()).hexdigest() == digest
        for contig in reference.contigs:
            bases = genome(reference.name).upper().encode()
            assert hashlib.md5(bases).hexdigest() == contig.md5  # noqa: S324 - SAM's M5


def test_two_genetic_codes_in_one_file(run: Bench, tmp_path: Path, installed: Path) -> None:
    """One file over a virus and a mitochondrion: each contig with its own code, in file order."""
    fasta, genes = tmp_path / "both.fa", tmp_path / "both.gff3"
    sars = BUNDLED / "sars-cov-2"
    fasta.write_text((MT / "genome.fa").read_text() + (sars / "genome.fa").read_text())
    genes.write_text((MT / "genes.gff3").read_text() + (sars / "genes.gff3").read_text())
    put(Order("both", str(fasta), str(genes), codes={"MT": 2}), installed)
    by = with_added(installed)
    examples = [by.example(name).decode().splitlines() for name in ("human-mt", "sars-cov-2")]
    records = [line for example in examples for line in example if not line.startswith("#")]
    for order in (records, records[12:] + records[:12]):
        made = run(vcf(order, contigs=()), "both", by=by)
        expected = {
            tuple(record)
            for name, example in zip(("human-mt", "sars-cov-2"), examples, strict=True)
            for record in run("\n".join(example) + "\n", name).records
        }
        assert {tuple(record) for record in made.records} == expected
        assert [record[:2] for record in made.records] == [line.split("\t")[:2] for line in order]


# --- GRCh37, 22q11 ------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def grch37(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path], BcftoolsAnnotator]:
    """Adds chromosome 22 and MT of GRCh37 once, by what the command calls."""
    made: dict[Path, BcftoolsAnnotator] = {}

    def annotator(data: Path) -> BcftoolsAnnotator:
        if data not in made:
            folder = tmp_path_factory.mktemp("grch37")
            source = data / "grch37-22q11"
            order = Order(
                "grch37-22q11",
                str(source / "genome.fa.gz"),
                str(source / "genes.gff3"),
                known=str(source / "common-variants.vcf"),
            )
            put(order, folder)
            made[data] = with_added(folder)
        return made[data]

    return annotator


def without_names(data: Path) -> str:
    """The common variants without their rsIDs, and one of the mitochondrion."""
    rows = []
    for line in (data / "grch37-22q11" / "common-variants.vcf").read_text().splitlines():
        columns = line.split("\t")
        rows.append(line if line.startswith("#") else "\t".join([*columns[:2], ".", *columns[3:]]))
    return "\n".join([*rows, "MT\t7445\t.\tA\tG\t.\t.\t."]) + "\n"


def by_position(made: Made) -> dict[str, tuple[list[str], list[list[str]]]]:
    return {record[1]: (record, made.effects(at)) for at, record in enumerate(made.records)}


def test_known_variants_of_22q11_have_their_protein_change_and_rsid(
    run: Bench, outside: Path, grch37: Callable[[Path], BcftoolsAnnotator]
) -> None:
    made = run(without_names(outside), "grch37-22q11", by=grch37(outside))
    assert len(made.records) == 3503
    found = by_position(made)
    for position, name, gene, protein in (
        ("20230301", "rs74315508", "RTN4R", "119R>119W"),
        ("20073518", "rs61746264", "DGCR8", "11P>11L"),
    ):
        record, effects = found[position]
        assert record[2] == name
        assert any((each[1], each[5]) == (gene, protein) for each in effects)
    assert found["7445"][1][0][0] == "stop_retained", "MT with table 2, 22 with table 1"
    assert made.summary["known"] == 3502


def test_chr_names_work_on_a_genome_without_them(
    run: Bench, outside: Path, grch37: Callable[[Path], BcftoolsAnnotator]
) -> None:
    text = without_names(outside).replace("\n22\t", "\nchr22\t").replace("ID=22,", "ID=chr22,")
    text = text.replace("\nMT\t", "\nchrM\t").replace("ID=MT,", "ID=chrM,")
    made = run(text, "grch37-22q11", by=grch37(outside))
    assert {record[0] for record in made.records} == {"chr22", "chrM"}
    assert by_position(made)["20230301"][1][0][1] == "RTN4R"


def test_a_grch38_file_is_told_from_grch37(
    run: Bench, outside: Path, grch37: Callable[[Path], BcftoolsAnnotator]
) -> None:
    from domain.errors import InputRejected

    text = without_names(outside).replace("length=51304566", "length=50818468")
    with pytest.raises(InputRejected, match="looks like human GRCh38"):
        run(text, "grch37-22q11", by=grch37(outside))


def test_a_column_the_known_variants_do_not_have_is_refused_with_those_they_have(
    tmp_path: Path, installed: Path
) -> None:
    known = tmp_path / "known.vcf"
    info = '##INFO=<ID={},Number=A,Type=Float,Description="x">'
    known.write_text(vcf([], contigs=[("MT", 16569)], meta=[info.format("AF"), info.format("AC")]))
    order = Order(
        "mt", str(MT / "genome.fa"), str(MT / "genes.gff3"),
        known=str(known), known_columns=("AF", "MAF"),
    )  # fmt: skip
    with pytest.raises(BadReference, match="no INFO column MAF"):
        put(order, installed)


def test_known_columns_are_joined_in_per_allele(
    run: Bench, tmp_path: Path, installed: Path
) -> None:
    ref = genome("human-mt")[72]
    alts = f"{other(ref)},T" if other(ref) != "T" else f"T,{other('T')}"
    known = tmp_path / "known.vcf"
    known.write_text(
        "##fileformat=VCFv4.2\n##contig=<ID=MT,length=16569>\n"
        '##INFO=<ID=AF,Number=A,Type=Float,Description="Frequency">\n'
        "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"
        f"MT\t73\trs1\t{ref}\t{alts}\t.\t.\tAF=0.25,0.5\n"
    )
    order = Order(
        "mt", str(MT / "genome.fa"), str(MT / "genes.gff3"),
        known=str(known), known_columns=("AF",),
    )  # fmt: skip
    put(order, installed)
    second = alts.split(",")[1]
    record = f"chrM\t73\t.\t{ref}\t{second}\t.\t.\tDP=5"
    made = run(vcf([record], contigs=()), "mt", by=with_added(installed))
    assert made.records[0][2] == "rs1"
    assert made.records[0][7].startswith("DP=5;known_AF=0.5")
    assert any(line.startswith("##INFO=<ID=known_AF,Number=A,Type=Float") for line in made.header)
