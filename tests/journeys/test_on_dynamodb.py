"""The same walks with log, records and views in DynamoDB: pages cannot tell the stores apart."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.journeys.service import GAS, NotReady, RunningService, start_service
from tests.journeys.test_submit_watch_download import (
    test_an_example_file_through_the_browser_gives_its_truth_table,  # noqa: F401 - walked again
    test_without_scripts_the_same_walk_gives_the_same_truth,  # noqa: F401
)

EXAMPLE = Path(__file__).parents[2] / "adapters/annotator_bcftools/references/human-mt/example.vcf"


@pytest.fixture(scope="module")
def running_service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningService]:
    service = start_service(tmp_path_factory.mktemp("service"), GAS_STORE="dynamodb")
    yield service
    service.stop()


def called(
    service: RunningService, *argv: str | Path, **settings: str
) -> subprocess.CompletedProcess[str]:
    """A command of the same user."""
    environment = service.environment() | {"GAS_STORE": "dynamodb"} | settings
    return subprocess.run(
        [GAS, *argv], check=False, env=environment, capture_output=True, text=True, timeout=120
    )


def gas(service: RunningService, *argv: str | Path, **settings: str) -> str:
    """What it says."""
    done = called(service, *argv, **settings)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_views_are_what_the_log_says(running_service: RunningService) -> None:
    gas(running_service, "submit", EXAMPLE, "--reference", "human-mt", "--wait")
    lines = gas(running_service, "rebuild", "--check").splitlines()
    assert len(lines) >= 4
    assert all(line.endswith(": 0 differences") for line in lines)


def test_a_backup_moves_to_the_other_store_and_runs_there(
    running_service: RunningService, tmp_path: Path
) -> None:
    job = gas(running_service, "submit", EXAMPLE, "--reference", "human-mt", "--wait")
    gas(running_service, "backup", tmp_path / "all.tar")
    moved = {"GAS_STORE": "sqlite", "GAS_DATA_DIR": str(tmp_path / "moved" / "data")}
    restored = gas(running_service, "restore", tmp_path / "all.tar", **moved)
    assert restored.startswith("restored and checked: ")
    history = gas(running_service, "history", job)
    service = start_service(tmp_path / "moved")
    try:
        here = {"GAS_STORE": "sqlite", **service.environment()}
        assert gas(service, "history", job, **here) == history
        assert "identical, byte for byte" in gas(service, "reproduce", job, **here)
        later = gas(service, "submit", EXAMPLE, "--reference", "human-mt", "--wait", **here)
        assert later != job
    finally:
        service.stop()


def test_a_backup_of_the_other_store_is_what_a_service_begins_with(tmp_path: Path) -> None:
    sqlite = {"GAS_STORE": "sqlite"}
    before = start_service(tmp_path / "before", GAS_STORE="sqlite")
    try:
        job = gas(before, "submit", EXAMPLE, "--reference", "human-mt", "--wait", **sqlite)
        gas(before, "backup", tmp_path / "all.tar", **sqlite)
        told = gas(before, "history", job, **sqlite)
    finally:
        before.stop()
    after = start_service(
        tmp_path / "after", "--restore", tmp_path / "all.tar", GAS_STORE="dynamodb"
    )
    try:
        assert "restored and checked: " in after.output.read_text()
        assert gas(after, "history", job) == told
        assert "identical, byte for byte" in gas(after, "reproduce", job)
        assert "0 differences" in gas(after, "rebuild", "--check")
        positions = [json.loads(line)["sequence"] for line in gas(after, "events").splitlines()]
        assert [int(p) for p in positions] == list(range(1, len(positions) + 1))
    finally:
        after.stop()


def test_a_service_does_not_begin_with_a_damaged_backup(tmp_path: Path) -> None:
    damaged = tmp_path / "damaged.tar"
    damaged.write_bytes(b"no backup")
    with pytest.raises(NotReady, match="cannot be read as a backup"):
        start_service(tmp_path / "service", "--restore", damaged, GAS_STORE="dynamodb")


def test_what_runs_decides_about_the_store_and_not_who_asks(
    running_service: RunningService, tmp_path: Path
) -> None:
    gas(running_service, "submit", EXAMPLE, "--reference", "human-mt", "--wait")
    told = [
        gas(running_service, "backup", tmp_path / f"{store}.tar", GAS_STORE=store)
        for store in ("dynamodb", "sqlite")
    ]
    events = {line.partition(": ")[2].partition(",")[0] for line in told}
    assert len(events) == 1  # records may be written meanwhile
    assert events != {"0 events"}
    assert "0 differences" in gas(running_service, "rebuild", "--check", GAS_STORE="sqlite")


def test_what_went_with_the_service_is_not_called_a_backup(tmp_path: Path) -> None:
    service = start_service(tmp_path / "service", GAS_STORE="dynamodb")
    try:
        gas(service, "submit", EXAMPLE, "--reference", "human-mt", "--wait")
        gas(service, "backup", tmp_path / "kept.tar")
    finally:
        service.stop()
    for command in (["backup", tmp_path / "late.tar"], ["check"], ["rebuild", "--check"]):
        said = called(service, *command)
        assert (said.returncode, said.stdout) == (1, "")
        assert "they went when the service stopped" in said.stderr
        assert "while it runs" in said.stderr
        assert said.stderr.count("\n") == 1
    said = called(service, "restore", tmp_path / "kept.tar")
    assert (said.returncode, said.stdout) == (1, "")
    assert "`GAS_STORE=dynamodb gas up --restore FILE`" in said.stderr
    assert list(tmp_path.glob("late*")) == []
