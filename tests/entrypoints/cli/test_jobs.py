"""Submitting, watching and fetching with `gas`."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from entrypoints.api.documents import JobDocument
from tests.entrypoints.cli.conftest import ONE, Call, Running


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to work in."""
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def submit(gas_command: Call, path: Path, *more: str) -> str:
    said = gas_command("submit", path, "--reference", "sars-cov-2", *more)
    assert said.code == 0, said.err
    return said.lines[0]


def test_a_file_is_submitted_annotated_and_fetched(
    service: Running, gas_command: Call, one_vcf: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out.vcf.gz"
    said = gas_command("submit", one_vcf, "--reference", "sars-cov-2", "--wait", "--output", out)
    assert said.code == 0, said.err
    assert len(said.lines) == 1
    assert "614D>614G" in gzip.decompress(out.read_bytes()).decode()
    assert "completed" in said.err
    assert sorted(p.name for p in tmp_path.iterdir()) == ["data", "one.vcf", "out.vcf.gz"]


def test_json_is_the_job_as_the_api_has_it(
    service: Running, gas_command: Call, one_vcf: Path
) -> None:
    said = gas_command("submit", one_vcf, "-r", "sars-cov-2", "--label", "mine", "--wait", "--json")
    job = said.json
    JobDocument.model_validate(job)
    assert (job["status"], job["label"], job["filename"]) == ("completed", "mine", "one.vcf")
    assert gas_command("show", job["id"], "--json").json == job
    assert gas_command("jobs", "--json").json == [job]


def test_a_job_is_shown_listed_and_its_log_printed(
    service: Running, gas_command: Call, one_vcf: Path
) -> None:
    job = submit(gas_command, one_vcf, "--wait")
    shown = gas_command("show", job)
    assert "completed" in shown.out
    assert "MODERATE:   1" in shown.out
    assert [line.split()[:3] for line in gas_command("jobs").lines] == [
        ["ID", "STATUS", "FILE"],
        [job, "completed", "one.vcf"],
    ]
    assert "Annotated 1 of 1" in gas_command("log", job).out
    types = [line.split()[2] for line in gas_command("history", job).lines[1:]]
    assert types[0] == "job.submitted.v1"
    assert "job.annotation_completed.v1" in types  # its archive may be scheduled already


def test_the_past_of_a_job_is_shown_and_compared(
    service: Running, gas_command: Call, one_vcf: Path
) -> None:
    job = submit(gas_command, one_vcf, "--wait")
    then = dict(line.split(maxsplit=1) for line in gas_command("history", job, "--at", 2).lines)
    assert then["FIELD"] == "AT VERSION 2"
    assert (then["status"], then["attempt"]) == ("running", "1")
    assert gas_command("history", job, "--at", 2, "--json").json["job"]["status"] == "running"
    lines = gas_command("history", job, "--diff", 1, 3).lines
    assert lines[0].split() == ["FIELD", "VERSION", "1", "VERSION", "3"]
    changed = {line.split()[0]: line.split()[1:] for line in lines[1:]}
    assert changed["status"] == ["submitted", "completed"]
    assert changed["summary.records_in"] == ["-", "1"]
    assert "reference" not in changed
    said = gas_command("history", job, "--at", "99")
    assert (said.code, said.out) == (1, "")
    assert "no version 99" in said.err
    assert gas_command("history", job, "--at", 1, "--diff", 1, 2).code == 2


def test_sizes_are_counted_as_on_the_pages(
    idle: Running, gas_command: Call, tmp_path: Path
) -> None:
    path = tmp_path / "larger.vcf"
    path.write_text(ONE.replace("#CHROM", f"##note={'x' * (1536 - len(ONE) - 8)}\n#CHROM"))
    job = submit(gas_command, path)
    assert path.stat().st_size == 1536
    assert "1.5 KB" in gas_command("jobs").out
    assert "1.5 KB" in gas_command("show", job).out


def test_a_result_is_downloaded_packed_or_not(
    service: Running, gas_command: Call, one_vcf: Path, here: Path
) -> None:
    job = submit(gas_command, one_vcf, "--wait")
    packed = gas_command("download", job)
    assert packed.out == "one.annotated.vcf.gz\n"
    plain = gzip.decompress((here / "one.annotated.vcf.gz").read_bytes())
    assert gas_command("download", job, "--format", "vcf").out == "one.annotated.vcf\n"
    assert (here / "one.annotated.vcf").read_bytes() == plain
    assert gas_command("download", job, "--output", "mine.vcf").code == 0
    assert (here / "mine.vcf").read_bytes() == plain
    streamed = gas_command("download", job, "--format", "vcf", "--output", "-")
    assert streamed.out.encode() == plain
    assert len(list(here.iterdir())) == 3


def test_a_second_download_does_not_write_over_the_first(
    service: Running, gas_command: Call, one_vcf: Path, here: Path
) -> None:
    job = submit(gas_command, one_vcf, "--wait")
    (here / "one.annotated.vcf.gz").write_text("precious")
    assert gas_command("download", job).out == "one-2.annotated.vcf.gz\n"
    assert (here / "one.annotated.vcf.gz").read_text() == "precious"
    assert len(list(here.iterdir())) == 2


def test_a_file_that_cannot_be_annotated_is_exit_1_and_a_sentence(
    service: Running, gas_command: Call, tmp_path: Path
) -> None:
    path = tmp_path / "wrong.vcf"
    path.write_text(ONE.replace("\tA\tG\t", "\tC\tG\t"))
    said = gas_command("submit", path, "-r", "sars-cov-2", "--wait", "-o", tmp_path / "out.vcf.gz")
    assert said.code == 1
    assert "Line 3" in said.err
    assert not (tmp_path / "out.vcf.gz").exists()


def test_a_waiting_job_is_cancelled_and_deleted(
    idle: Running, gas_command: Call, one_vcf: Path
) -> None:
    job = submit(gas_command, one_vcf)
    assert gas_command("cancel", job).out == "cancelled\n"
    assert gas_command("jobs", "--status", "cancelled", "--json").json[0]["id"] == job
    assert gas_command("delete", job, "--yes").code == 0
    assert gas_command("jobs", "--json").json == []
    assert "deleted" in gas_command("show", job).err


def test_lists_go_beyond_one_page_of_the_api(
    idle: Running, gas_command: Call, one_vcf: Path
) -> None:
    jobs = [submit(gas_command, one_vcf) for _ in range(4)]
    assert [j["id"] for j in gas_command("jobs", "--json").json] == jobs[::-1]
    assert len(gas_command("jobs", "--json", "--limit", "3").json) == 3


def test_a_file_name_in_any_script_stays_what_it_is(
    idle: Running, gas_command: Call, tmp_path: Path
) -> None:
    path = tmp_path / "Probe «ü» 💥 'x\".vcf"
    path.write_text(ONE)
    job = submit(gas_command, path)
    assert gas_command("show", job, "--json").json["filename"] == path.name
