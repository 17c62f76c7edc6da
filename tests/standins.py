"""Stand-ins over real HTTP, on a free port of loopback."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from flask import Flask

from entrypoints.local.cloud import free_port
from entrypoints.local.standins import bind, globus_app

CLIENT_ID, CLIENT_SECRET = "gas", "a secret of the tests"


@contextmanager
def served(make: Callable[[int], Flask]) -> Iterator[str]:
    """The address of an application while it is served."""
    port = free_port()
    server = bind(make(port), port)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def globus(tmp_path: Path) -> Iterator[Callable[[], str]]:
    """Start a Globus stand-in on the test's data folder; again for a restart."""
    with ExitStack() as running:

        def start() -> str:
            return running.enter_context(
                served(
                    lambda port: globus_app(
                        tmp_path, port, client_id=CLIENT_ID, client_secret=CLIENT_SECRET
                    )
                )
            )

        yield start
