"""The folder that holds everything of a local service, and whose it is at the moment."""

from __future__ import annotations

import fcntl
import json
import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from domain.errors import DomainError

RUN_FILE = "run.json"  # where the running service is; readable by its owner alone
LOG_BYTES = 5 * 2**20


class FolderTaken(DomainError):
    """Another service uses the data folder."""

    code = "data_folder_taken"


class DataFolder:
    """``path`` is made where it is missing; other users of the machine may not look into it."""

    def __init__(self, path: Path) -> None:
        self.path = path.resolve()
        self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
        if self.path.stat().st_uid == os.getuid():
            self.path.chmod(0o700)  # it may have been there before, open to all

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the folder for this process until its end, however it ends; ``FolderTaken``."""
        with (self.path / "lock").open("a+") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                lock.seek(0)
                raise FolderTaken(
                    f"Another `gas up` (process {lock.read() or 'unknown'}) is using {self.path}. "
                    "Stop it first, or choose another folder with GAS_DATA_DIR."
                ) from None
            lock.truncate(0)
            lock.write(str(os.getpid()))
            lock.flush()
            yield

    def secret(self, name: str) -> str:
        """A random secret of this folder, made when first asked for."""
        path = self._private("secrets") / name
        if not path.exists() or not path.read_text():
            self._write(path, secrets.token_urlsafe(30))
        return path.read_text()

    def log(self, name: str) -> Path:
        """Where a process writes; what has grown too long becomes ``name.log.1``."""
        path = self._private("logs") / f"{name}.log"
        if path.exists() and path.stat().st_size > LOG_BYTES:
            path.replace(path.with_suffix(".log.1"))
        return path

    def announce(self, running: Mapping[str, Any]) -> None:
        """Tell the command line of the same user where the running service is."""
        self._write(self.path / RUN_FILE, json.dumps(running, indent=1))

    def running(self) -> dict[str, Any] | None:
        """What the running service announced; it may have died since."""
        try:
            found: dict[str, Any] = json.loads((self.path / RUN_FILE).read_text())
        except FileNotFoundError:
            return None
        return found

    def withdraw(self) -> None:
        (self.path / RUN_FILE).unlink(missing_ok=True)

    def _private(self, name: str) -> Path:
        folder = self.path / name
        folder.mkdir(exist_ok=True, mode=0o700)
        return folder

    def _write(self, path: Path, text: str) -> None:
        """All of it or nothing, for the owner's eyes."""
        new = path.with_suffix(".new")
        new.touch(mode=0o600)
        with new.open("w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
