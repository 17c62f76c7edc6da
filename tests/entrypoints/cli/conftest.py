"""The command line against a service that runs: real store, queues, annotator and socket."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from adapters.annotator_bcftools import BcftoolsAnnotator
from adapters.cloud import Cloud
from entrypoints.bootstrap import Gas
from entrypoints.cli import run
from entrypoints.local.cloud import ACCESS_KEY, REGION, EmbeddedCloud, deploy
from entrypoints.local.data_folder import RUN_FILE
from entrypoints.local_user import ensure_local_user
from entrypoints.work import Process
from projections.listeners import LISTENERS
from tests.cloud import ORIGIN, Stack, aws, cloud
from tests.entrypoints.running import a_gas, served

__all__ = ["aws", "cloud"]


@pytest.fixture(scope="session")
def stack(cloud: EmbeddedCloud, aws: Cloud) -> Stack:
    """One for all calls of the command line: each service keeps its state to itself."""
    deploy(cloud, "cli", origins=[ORIGIN])
    return Stack(cloud=cloud, aws=aws, prefix="cli")


@dataclass
class Running:
    """A service, where it is, and what it runs."""

    gas: Gas
    url: str
    process: Process
    stack: Stack

    def announce(self) -> None:
        """What the supervisor does: say in the data folder where the service is."""
        environment = {
            "GAS_STACK": self.stack.prefix,
            "GAS_AWS_ENDPOINT": self.stack.cloud.endpoint,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ACCESS_KEY_ID": ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": self.stack.cloud.secret,
        }
        running = {"url": self.url, "pid": 0, "environment": environment}
        (self.gas.settings.data_dir / RUN_FILE).write_text(json.dumps(running))


@pytest.fixture
def gas(tmp_path: Path, stack: Stack) -> Gas:
    data = tmp_path / "data"
    data.mkdir()
    return a_gas(
        data,
        uploads=stack.uploads,
        files=stack.files,
        bus=stack.bus,
        queues={name: stack.queue(name) for name in LISTENERS},
        annotator=BcftoolsAnnotator(None),
    )


@pytest.fixture
def idle(gas: Gas, stack: Stack, monkeypatch: pytest.MonkeyPatch) -> Iterator[Running]:
    """A service that accepts jobs and keeps its views, but annotates nothing."""
    process = Process(gas)
    supervised = process.start([process.views()])
    with served(gas) as url:
        running = Running(gas, url, process, stack)
        ensure_local_user(gas)
        running.announce()
        monkeypatch.setenv("GAS_DATA_DIR", str(gas.settings.data_dir))
        for name in ("GAS_URL", "GAS_TOKEN"):
            monkeypatch.delenv(name, raising=False)
        yield running
    assert process.drain(supervised) == []


@pytest.fixture
def service(idle: Running) -> Iterator[Running]:
    """The same with everything else that a work process does."""
    process = Process(idle.gas)
    parts = [part for part in process.all_parts() if part.name not in {"views", "example"}]
    supervised = process.start(parts)
    yield idle
    assert process.drain(supervised) == []


@dataclass(frozen=True)
class Said:
    """What one call of `gas` said."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()


Call = Callable[..., Said]


@pytest.fixture
def gas_command(capsys: pytest.CaptureFixture[str]) -> Call:
    """Call `gas` in this process."""

    def call(*arguments: object) -> Said:
        capsys.readouterr()
        code = run([str(argument) for argument in arguments])
        said = capsys.readouterr()
        return Said(code, said.out, said.err)

    return call


ONE = (
    "##fileformat=VCFv4.2\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"
    "NC_045512.2\t23403\t.\tA\tG\t.\t.\t.\n"
)


@pytest.fixture
def one_vcf(tmp_path: Path) -> Path:
    """One variant: D614G in the spike of SARS-CoV-2."""
    path = tmp_path / "one.vcf"
    path.write_text(ONE)
    return path
