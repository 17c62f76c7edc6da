"""`gas show`, `download` and `reproduce` of a job whose result is archived and comes back."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest

from adapters.annotator_bcftools import BcftoolsAnnotator
from adapters.archive_s3_glacier import S3GlacierArchive
from domain.context import acting
from entrypoints.bootstrap import Gas
from projections.listeners import LISTENERS
from tests.cloud import Stack
from tests.entrypoints.cli.conftest import Call, Running, Said
from tests.entrypoints.paying import provider_says, wait_until
from tests.entrypoints.running import a_gas


@pytest.fixture
def gas(tmp_path: Path, stack: Stack) -> Gas:
    """Results are archived at once, in the store's own cold class."""
    data = tmp_path / "data"
    data.mkdir()
    archive = S3GlacierArchive(
        stack.aws.client("s3", attempts=1),
        f"{stack.prefix}-files",
        storage_class="GLACIER",
        now=lambda: datetime.now(UTC),
    )
    return a_gas(
        data,
        uploads=stack.uploads,
        files=stack.files,
        archive=archive,
        bus=stack.bus,
        queues={name: stack.queue(name) for name in LISTENERS},
        annotator=BcftoolsAnnotator(None),
        settings={"free_retention": 0, "sweep_seconds": 0.5},
    )


@pytest.fixture
def show(gas_command: Call) -> Call:
    """The job as `gas show --json` has it."""

    def shown(job: str) -> Said:
        return gas_command("show", job, "--json")

    return shown


def test_an_archived_result_is_refused_with_a_sentence_and_comes_back_the_same(
    service: Running, gas_command: Call, show: Call, one_vcf: Path, tmp_path: Path
) -> None:
    job = gas_command("submit", one_vcf, "-r", "sars-cov-2", "--wait").lines[0]
    wait_until(lambda: show(job).json["storage"] == "archived", seconds=30)
    wait_until(lambda: "archived" in gas_command("jobs").out, seconds=30)  # lists follow the log
    assert "upgrade to Premium to restore it" in gas_command("show", job).out
    target = tmp_path / "result"
    for arguments in ((), ("--format", "tsv"), ("--format", "json"), ("--format", "vcf")):
        said = gas_command("download", job, "-o", target, *arguments)
        assert (said.code, target.exists()) == (1, False), arguments
        assert "archived since" in said.err
        assert "upgrade to Premium to restore it" in said.err
        assert "Traceback" not in said.err
    assert gas_command("log", job).code == 0
    owner = service.gas.service.job(UUID(job)).owner
    provider_says(service.gas, owner)
    wait_until(lambda: show(job).json["storage"] == "available", seconds=30)
    assert gas_command("download", job, "-o", target).code == 0
    assert gas_command("reproduce", job).code == 0


def test_who_wants_to_reproduce_without_an_input_is_told(
    idle: Running, gas_command: Call, one_vcf: Path, tmp_path: Path
) -> None:
    job = gas_command("submit", one_vcf, "-r", "sars-cov-2").lines[0]
    (tmp_path / "data" / "scratch").mkdir(exist_ok=True)
    idle.gas.work("annotation").attend(UUID(job), at_least=0, stopping=lambda: False)
    with acting("system:test"):
        idle.gas.service.store_result(
            UUID(job), lambda found: found.record_input_removed(reason="kept long enough")
        )
    said = gas_command("reproduce", job)
    assert said.code == 1
    assert "The input of this job was removed" in said.err
    assert json.loads(gas_command("show", job, "--json").out)["input_removed"] is True
    assert "removed" in gas_command("show", job).out
