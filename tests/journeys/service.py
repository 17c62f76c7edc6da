"""The whole service as its users start it: ``gas up`` in its own process, stopped by its id."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

GAS = Path(sys.executable).with_name("gas")
START_SECONDS = 90.0
STOP_SECONDS = 15.0
OUTSIDE = ("GAS_", "AWS_", "GLOBUS_")  # nothing of a developer's own settings


class NotReady(Exception):
    """The service ended or did not get ready; the message has the end of what it printed."""


@dataclass
class RunningService:
    """One running ``gas up``; ``output`` is what it prints."""

    url: str
    port: int
    data_dir: Path
    output: Path
    process: subprocess.Popen[bytes]

    def stop(self) -> int:
        """Stop it as Ctrl-C does, and then by force; its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        try:
            return self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            return self.process.wait(STOP_SECONDS)

    def printed(self) -> str:
        """What it has printed so far."""
        return self.output.read_text(errors="replace")

    def environment(self) -> dict[str, str]:
        """What a ``gas`` command needs to find this service."""
        return service_environment(self.data_dir, self.port)


def start_service(
    folder: Path, *argv: str | Path, port: int | None = None, **settings: str
) -> RunningService:
    """Start a service with its data under ``folder`` and wait until it is ready.

    ``argv`` goes to ``gas up``; ``settings`` are more environment variables. ``NotReady`` when it
    does not come up.
    """
    port = port or free_port()
    data_dir, output = folder / "data", folder / "up.log"
    folder.mkdir(parents=True, exist_ok=True)
    environment = service_environment(data_dir, port) | settings
    with output.open("ab") as stream:
        process = subprocess.Popen(
            [GAS, "up", *argv],
            env=environment,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    service = RunningService(f"http://127.0.0.1:{port}", port, data_dir, output, process)
    try:
        _wait_until_ready(service)
    except BaseException:
        service.stop()
        raise
    return service


def service_environment(data_dir: Path, port: int) -> dict[str, str]:
    """The environment of one service and of its command line."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(OUTSIDE)}
    return kept | {"GAS_PORT": str(port), "GAS_DATA_DIR": str(data_dir)}


def free_port() -> int:
    """A port that nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_until_ready(service: RunningService) -> None:
    give_up = time.monotonic() + START_SECONDS
    while time.monotonic() < give_up:
        if service.process.poll() is not None:
            raise NotReady(f"gas up ended with {service.process.returncode}:\n{_end(service)}")
        if _is_ready(service.url):
            return
        time.sleep(0.1)
    raise NotReady(f"gas up is not ready after {START_SECONDS:.0f} s:\n{_end(service)}")


def _is_ready(url: str) -> bool:
    try:
        with urllib.request.urlopen(url + "/readyz", timeout=5) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def _end(service: RunningService) -> str:
    """The end of what it printed and of what its processes logged."""
    logs = sorted((service.data_dir / "logs").glob("*"))
    parts = [service.printed()[-2000:]]
    parts += [f"{log.name}:\n{log.read_text(errors='replace')[-1500:]}" for log in logs]
    return "\n".join(parts)
