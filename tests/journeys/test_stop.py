"""A service that is stopped says nothing that would worry whoever reads its logs."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.journeys.service import GAS, start_service

EXAMPLE = Path(__file__).parents[2] / "adapters/annotator_bcftools/references/human-mt/example.vcf"


@pytest.mark.parametrize("store", ["sqlite", "dynamodb"])
def test_a_start_and_a_stop_leave_no_traceback_in_any_log(tmp_path: Path, store: str) -> None:
    service = start_service(tmp_path, GAS_STORE=store)
    try:
        submit: list[str | Path] = [GAS, "submit", EXAMPLE, "--reference", "human-mt", "--wait"]
        subprocess.run(submit, env=service.environment(), check=True, capture_output=True)
    finally:
        code = service.stop()
    logs = {log.name: log.read_text() for log in (service.data_dir / "logs").iterdir()}
    assert {"cloud.log", "standins.log", "web.log", "work.log"} <= set(logs)
    assert code == 0
    assert [name for name, text in logs.items() if "Traceback" in text] == []
    assert "Traceback" not in service.printed()
