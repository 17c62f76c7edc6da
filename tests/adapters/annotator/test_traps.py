"""The ways `bcftools csq` goes wrong on its own, each kept from a person's file."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from adapters.annotator_bcftools.annotator import BcftoolsAnnotator
from adapters.annotator_bcftools.engine import version
from domain.errors import InputRejected
from domain.ports import EngineFailed, Interrupted, Limits
from tests.adapters.annotator.conftest import Bench
from tests.adapters.annotator.test_starter import starters
from tests.adapters.annotator.vcf import SARS, base, other, snv, vcf


def test_the_calling_process_never_loads_the_engine(tmp_path: Path) -> None:
    program = (
        "import io, sys; from pathlib import Path;"
        "from adapters.annotator_bcftools.annotator import BcftoolsAnnotator;"
        "from domain.ports import Limits;"
        "a = BcftoolsAnnotator(); data = a.example('sars-cov-2');"
        "a.peek(data, complete=True, reference='sars-cov-2', limits=Limits());"
        f"a.annotate(io.BytesIO(data), reference='sars-cov-2', workdir=Path({str(tmp_path)!r}),"
        " limits=Limits(), progress=lambda s, p: None, stopped=lambda: False);"
        "print([m for m in sys.modules if m.startswith(('pysam', 'duckdb'))])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_a_killed_parent_takes_its_children_along(tmp_path: Path) -> None:
    fifo = tmp_path / "source"
    os.mkfifo(fifo)
    program = (
        "import sys; from pathlib import Path;"
        "from adapters.annotator_bcftools.annotator import BcftoolsAnnotator;"
        "from domain.ports import Limits;"
        f"BcftoolsAnnotator().annotate(open({str(fifo)!r}, 'rb'), reference='sars-cov-2',"
        f" workdir=Path({str(tmp_path / 'job')!r}), limits=Limits(),"
        " progress=lambda s, p: None, stopped=lambda: False)"
    )
    parent = subprocess.Popen([sys.executable, "-c", program])
    with fifo.open("wb") as never_ending:
        never_ending.write(b"##fileformat=VCFv4.2\n")
        never_ending.flush()
        children = _eventually(lambda: psutil.Process(parent.pid).children(recursive=True))
        parent.kill()
        parent.wait()
    _, alive = psutil.wait_procs(children, timeout=5)
    assert not alive


def _eventually(look: object, seconds: float = 10) -> list[psutil.Process]:
    assert callable(look)
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        if found := look():
            return list(found)
    raise AssertionError("no child was started")


def test_an_engine_that_gets_too_little_memory_fails_and_the_caller_lives(run: Bench) -> None:
    with pytest.raises(EngineFailed) as failed:
        run(vcf([snv(300)]), limits=Limits(memory_bytes=20 * 2**20))
    assert failed.value.code in ("engine_out_of_memory", "engine_crashed")
    assert run(vcf([snv(300)])).annotation.records_out == 1


def test_a_run_past_its_time_is_ended(run: Bench) -> None:
    with pytest.raises(EngineFailed) as failed:
        run(vcf([snv(300)]), limits=Limits(wall_seconds=0))
    assert failed.value.code == "engine_out_of_time"


def test_a_stopped_run_is_ended_and_leaves_no_process(
    annotator: BcftoolsAnnotator, tmp_path: Path
) -> None:
    others = set(psutil.Process().children(recursive=True))  # another test's embedded cloud
    with pytest.raises(Interrupted):
        annotator.annotate(
            io.BytesIO(vcf([snv(300)]).encode()),
            reference="sars-cov-2",
            workdir=tmp_path,
            limits=Limits(),
            progress=lambda step, percent: None,
            stopped=lambda: True,
        )
    waiting = starters()  # for the next run
    left = set(psutil.Process().children(recursive=True)) - others - waiting
    assert not [p for p in left if p.is_running()]
    assert not list(tmp_path.iterdir()), "the temporary folder is gone"


def test_missing_contig_lines_are_written_from_the_reference(run: Bench) -> None:
    made = run(vcf([snv(23403)], contigs=()))
    assert f"##contig=<ID={SARS},length=29903>" in made.header
    assert made.effects(0)[0][1] == "S"


def test_records_with_a_wrong_ref_pass_through_counted(run: Bench) -> None:
    wrong = f"{SARS}\t500\t.\t{other(base(500))}\t{base(500)}\t.\t.\t."
    made = run(vcf([*(snv(position) for position in range(300, 350)), wrong]))
    assert made.annotation.skipped == {"wrong_ref": 1}
    assert made.annotation.records_in == made.annotation.records_out == 51
    assert made.records[-1] == wrong.split("\t")
    assert f"line 54 ({SARS}:500)" in made.log


def test_wrong_ref_outside_transcripts_is_found_too(run: Bench) -> None:
    """csq does not look at REF between genes; 21,558 lies between ORF1ab and S."""
    wrong = f"{SARS}\t21558\t.\t{other(base(21558))}\t{base(21558)}\t.\t.\t."
    assert run(vcf([snv(300), wrong])).annotation.skipped == {"wrong_ref": 1}


def test_records_on_unknown_contigs_pass_through_counted(run: Bench) -> None:
    made = run(vcf([snv(300), "chrUn_1\t5\t.\tA\tC\t.\t.\t."]))
    assert made.annotation.skipped == {"unknown_contig": 1}
    assert "##contig=<ID=chrUn_1>" in made.header
    assert len(made.records) == 2


def test_breakends_get_no_consequence_but_their_other_alleles_do(run: Bench) -> None:
    ref = base(23403)
    alone = f"{SARS}\t23403\tb1\t{ref}\t{ref}]{SARS}:500]\t.\t.\tSVTYPE=BND"
    mixed = f"{SARS}\t23403\tb2\t{ref}\t{ref}]{SARS}:500],G\t.\t.\t."
    made = run(vcf([alone, mixed]))
    assert made.records[0] == alone.split("\t")
    assert [effect[5] for effect in made.effects(1)] == ["614D>614G"]
    assert made.annotation.skipped == {"breakend": 1}


def test_a_pile_of_records_at_one_position_is_refused(run: Bench) -> None:
    with pytest.raises(InputRejected) as refused:
        run(vcf([snv(300)] * 1001))
    assert (refused.value.code, refused.value.line) == ("too_many_at_position", 1004)


def test_a_thousand_records_at_one_position_are_annotated(run: Bench) -> None:
    assert run(vcf([snv(300)] * 1000)).summary["annotated"] == 1000


def test_two_runs_are_byte_identical(run: Bench, annotator: BcftoolsAnnotator) -> None:
    data = annotator.example("sars-cov-2")
    assert run(data).digests() == run(data).digests()


def test_nothing_of_this_machine_is_in_the_result(run: Bench, tmp_path: Path) -> None:
    made = run(BcftoolsAnnotator().example("sars-cov-2"), folder=tmp_path / "job")
    everything = made.text + made.log + (made.folder / "summary.json").read_text()
    assert str(tmp_path) not in everything
    assert "/" not in made.annotation.provenance.parameters


def test_what_made_the_result_is_in_its_header(run: Bench) -> None:
    made = run(BcftoolsAnnotator().example("sars-cov-2"))
    assert f"##gas_engine_version={version()}" in made.header
    assert f"##gas_reference_sha256={made.annotation.provenance.reference_sha256}" in made.header
    assert f"##gas_input_sha256={made.annotation.input_sha256}" in made.header


def test_references_can_be_read_only(run: Bench) -> None:
    """htslib writes an index where it finds none: the bundled ones have theirs."""
    from adapters.annotator_bcftools.references import BUNDLED

    before = {path: path.stat().st_mtime_ns for path in BUNDLED.rglob("*")}
    run(BcftoolsAnnotator().example("sars-cov-2"))
    assert {path: path.stat().st_mtime_ns for path in BUNDLED.rglob("*")} == before


def test_an_annotation_of_an_earlier_run_is_replaced(run: Bench) -> None:
    first = run(vcf([snv(23403)])).text
    again = run(first)
    assert again.records == run(vcf([snv(23403)])).records
    assert sum(line.startswith("##INFO=<ID=BCSQ,") for line in again.header) == 1


def test_an_allele_that_looks_like_an_annotation_is_none(run: Bench) -> None:
    symbol = f"{SARS}\t23403\t.\tA\t<BCSQ=x|y|z>\t.\tPASS\tEND=23500"
    made = run(vcf([snv(300), symbol]))
    assert made.records[1][4] == "<BCSQ=x|y|z>"
    assert len(made.records[1]) == 8
    assert "x" not in made.annotation.by_consequence
