"""A private embedded cloud, and an environment for the event store on a table of its own."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_DEFAULT_REGION": "us-east-1",
}


def free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])


@contextmanager
def running_cloud(folder: Path) -> Iterator[str]:
    """The address of an embedded cloud that this process started and will end."""
    port = free_port()
    flags = {
        "GATEWAY_PORT": str(port),
        "BIND_HOST": "127.0.0.1",
        "MINISTACK_HOST": "127.0.0.1",
        "AUTH": "true",
        "PERSIST_STATE": "0",
        "S3_PERSIST": "1",
        "S3_DATA_DIR": str(folder / "s3"),
        "LAMBDA_EXECUTOR": "local",
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
    }
    with (folder / "cloud.log").open("wb") as log:
        process = subprocess.Popen(
            [str(Path(sys.executable).parent / "ministack")],
            env={**os.environ, **flags},
            cwd=folder,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        url = f"http://127.0.0.1:{port}"
        _wait_until_up(url, process, folder / "cloud.log")
        yield url
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()


@pytest.fixture(scope="session")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A private embedded cloud for this test process."""
    with running_cloud(tmp_path_factory.mktemp("cloud")) as url:
        yield url


def _wait_until_up(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(600):
        if process.poll() is not None:
            pytest.fail(f"the embedded cloud ended: {log.read_text()[-2000:]}")
        try:
            urllib.request.urlopen(f"{url}/_ministack/health", timeout=2).close()
            return
        except (urllib.error.URLError, OSError):
            time.sleep(0.05)
    pytest.fail("the embedded cloud did not come up within 30 seconds")


@pytest.fixture
def env(endpoint: str) -> dict[str, str]:
    """What a project sets to use the module, on a table nobody else has."""
    return settings_for(endpoint)


def settings_for(endpoint: str) -> dict[str, str]:
    return {
        "PERSISTENCE_MODULE": "adapters.event_store_dynamodb",
        "DYNAMODB_TABLE": f"events-{uuid4().hex}",
        "DYNAMODB_ENDPOINT_URL": endpoint,
        "DYNAMODB_BUCKET": "512",
        **CREDENTIALS,
    }


@pytest.fixture
def closing() -> Iterator[list[Any]]:
    """Factories to close after the test."""
    made: list[Any] = []
    yield made
    for factory in made:
        factory.close()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """How many of the library's own cases passed on this store."""
    passed = [r.nodeid for r in terminalreporter.stats.get("passed", []) if r.when == "call"]
    shipped = [nodeid for nodeid in passed if "test_shipped_suites.py" in nodeid]
    if shipped:
        faulty = sum("Faults" in nodeid for nodeid in shipped)
        terminalreporter.write_line(
            f"event store on DynamoDB: {len(shipped)} of the library's own test cases passed, "
            f"{len(shipped) - faulty} plain and {faulty} with injected faults"
        )
