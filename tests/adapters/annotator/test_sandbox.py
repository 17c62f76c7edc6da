"""What the annotating child may take and reach, and that the report about it is true."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from adapters.annotator_bcftools.sandbox import WITHOUT, lacking, protections
from domain.ports import EngineFailed, Limits
from tests.adapters.annotator.conftest import Bench
from tests.adapters.annotator.vcf import snv, vcf

INSIDE = """
import json, os, resource, socket, sys
from adapters.annotator_bcftools import sandbox
from domain.ports import Limits
sandbox.close_in(Limits(memory_bytes=400 * 2**20, cpu_seconds=7, decompressed_bytes=1))
def tried(what):
    try: what()
    except (OSError, MemoryError) as error: return type(error).__name__
    return "allowed"
def reach():
    socket.create_connection(("127.0.0.1", int(sys.argv[1])), timeout=2).close()
def write():
    with open(sys.argv[2], "wb") as out:
        out.truncate(2**30 + 2); out.seek(2**30 + 2); out.write(b"x" * 4096)
print(json.dumps({
    "network": tried(reach), "memory": tried(lambda: bytearray(500 * 2**20)),
    "files": tried(write), "cpu": resource.getrlimit(resource.RLIMIT_CPU)[0],
}))
"""


def test_the_report_says_what_really_holds(tmp_path: Path) -> None:
    told = protections()
    assert set(told) == set(WITHOUT)
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        done = subprocess.run(
            [sys.executable, "-c", INSIDE, str(port), f"{tmp_path}/large"],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
    found = json.loads(done.stdout)
    assert (found["network"] != "allowed") == told["network"]
    assert (found["memory"] == "MemoryError") == told["memory"]
    assert (found["files"] != "allowed") == told["files"]
    assert found["cpu"] == 7


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="*** prctl is Linux' own ***")
def test_on_linux_the_child_is_tied_to_its_parent_and_limited() -> None:
    told = protections()
    assert all(told[name] for name in ("parent", "memory", "cpu", "files", "core"))


def test_switches_of_the_environment_do_not_reach_the_child(
    run: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A foreign module on PYTHONPATH would be loaded in the place of the engine."""
    (tmp_path / "pysam.py").write_text("raise SystemExit(9)")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    assert run(vcf([snv(300)])).annotation.records_out == 1


def test_a_run_that_takes_too_much_cpu_is_ended(run: Bench) -> None:
    many = vcf([snv(position % 29000 + 300) for position in range(29000)] * 12)
    with pytest.raises(EngineFailed) as failed:
        run(many, limits=Limits(cpu_seconds=1))
    assert failed.value.code in ("engine_out_of_time", "engine_killed")


def test_what_does_not_hold_is_one_line_and_nothing_when_all_holds() -> None:
    held = dict.fromkeys(WITHOUT, True)
    assert lacking(held) == ""
    assert lacking({**held, "network": False}) == WITHOUT["network"]
    assert "\n" not in lacking(dict.fromkeys(WITHOUT, False))
