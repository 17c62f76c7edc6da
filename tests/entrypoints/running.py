"""A service that really runs: its parts in threads, its app behind a socket."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from flask import Flask
from werkzeug.serving import make_server

from domain.account import SCOPES
from domain.context import acting
from entrypoints.app import create_app
from entrypoints.bootstrap import Gas
from entrypoints.settings import Settings
from entrypoints.work import Process
from projections.listeners import LISTENERS
from tests.memory import MemoryArchive, MemoryBus, MemoryObjects, MemoryQueue, MemoryTimer
from tests.world import MemoryAnnotator


def a_gas(folder: Path, **overrides: Any) -> Gas:
    """State in SQLite; files, queues and the annotator in memory unless overridden."""
    settings = overrides.pop("settings", {})
    queues = {name: MemoryQueue(name) for name in LISTENERS}
    parts: dict[str, Any] = {
        "uploads": MemoryObjects(),
        "files": (files := MemoryObjects()),
        "archive": MemoryArchive(files, lambda: datetime.now(UTC)),
        "timer": MemoryTimer(queues["archival"], lambda: datetime.now(UTC)),
        "queues": queues,
        "bus": MemoryBus(queues),
        "annotator": MemoryAnnotator(),
        "cloud": None,
    }
    gas = Gas(Settings(data_dir=folder, local=True, **settings), **(parts | overrides))
    gas.build()
    return gas


@dataclass
class Somebody:
    """A user with a token."""

    user: UUID
    token: str

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}


def somebody(
    gas: Gas, name: str, *, scopes: tuple[str, ...] = SCOPES, roles: tuple[str, ...] = ()
) -> Somebody:
    """A new user of the service."""
    profile = {"name": name, "email": f"{name}@example.org", "organization": "Test"}
    user = gas.people.ensure_local_user(name, profile, list(roles))
    with acting(f"user:{user}"):
        token = gas.people.create_token(user, name="test", scopes=list(scopes))
    return Somebody(user, token)


@contextmanager
def kept_views(gas: Gas) -> Iterator[None]:
    """Views that follow the log, as the work process keeps them."""
    process = Process(gas)
    supervised = process.start([process.views()])
    try:
        yield
    finally:
        assert process.drain(supervised) == []


@contextmanager
def served(gas: Gas | None = None, *, app: Flask | None = None, port: int = 0) -> Iterator[str]:
    """The app, or a service's, on a free port of loopback; its address."""
    if gas is not None:
        app = create_app(gas)
    assert app is not None
    server = make_server("127.0.0.1", port, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
