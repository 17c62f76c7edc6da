"""What the Glacier stand-in keeps: archives, uploads, retrievals; synced before it answers."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from adapters.sqlite_file import SqliteFile
from adapters.tree_hash import LEAF_BYTES, leaves, root

SCHEMA = """
PRAGMA synchronous=FULL;
CREATE TABLE IF NOT EXISTS vault (name TEXT PRIMARY KEY) STRICT;
CREATE TABLE IF NOT EXISTS archive (
    id TEXT PRIMARY KEY, vault TEXT, description TEXT, bytes INTEGER, tree TEXT,
    created REAL) STRICT;
CREATE TABLE IF NOT EXISTS upload (
    id TEXT PRIMARY KEY, vault TEXT, description TEXT, part_bytes INTEGER) STRICT;
CREATE TABLE IF NOT EXISTS job (
    id TEXT PRIMARY KEY, vault TEXT, parameters TEXT, created REAL, due REAL,
    completed REAL, published INTEGER DEFAULT 0) STRICT;
CREATE TABLE IF NOT EXISTS setting (name TEXT PRIMARY KEY, value TEXT) STRICT;
"""
DAY = 86400.0


@dataclass(frozen=True, slots=True)
class Timing:
    """How long a retrieval takes by its tier, and how long its output is there, in seconds."""

    expedited: float = 2.0
    standard: float = 5.0
    bulk: float = 10.0
    output: float = DAY

    def of(self, tier: str) -> float:
        """By Glacier's name of a tier; ``KeyError`` for any other."""
        return {"Expedited": self.expedited, "Standard": self.standard, "Bulk": self.bulk}[tier]


class Mismatch(Exception):
    """The bytes are not the ones their hash or range promised."""


class VaultBook:
    """One file and one folder of archives in the data folder."""

    def __init__(self, folder: Path, timing: Timing | None = None) -> None:
        for inner in (folder, folder / "archives", folder / "uploads"):
            inner.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._folder = folder
        self._timing = timing or Timing()
        self._file = SqliteFile(folder / "vault.db", SCHEMA)

    # --- archives --------------------------------------------------------------------------------

    def make_vault(self, name: str) -> None:
        """Make a vault; one that is there stays as it is."""
        self._run("INSERT OR IGNORE INTO vault VALUES (?)", name)

    def begin(self, vault: str, description: str, part_bytes: int) -> str:
        """The id of a new upload in parts of so many bytes; ``KeyError`` for no vault of ours."""
        self._one("SELECT * FROM vault WHERE name=?", vault)
        upload = secrets.token_urlsafe(32)
        self._path("uploads", upload).touch(mode=0o600)
        self._run("INSERT INTO upload VALUES (?, ?, ?, ?)", upload, vault, description, part_bytes)
        return upload

    def add(self, upload: str, start: int, data: bytes) -> None:
        """Write a part at its place; ``KeyError`` for an unknown upload."""
        row = self._one("SELECT * FROM upload WHERE id=?", upload)
        if start % row["part_bytes"] or len(data) > row["part_bytes"]:
            raise Mismatch("The range does not fit the part size.")
        with self._path("uploads", upload).open("r+b") as file:
            file.seek(start)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())

    def complete(self, upload: str, size: int, tree: str) -> str:
        """Make an archive of an upload; ``Mismatch`` when size or tree hash differ."""
        row = self._one("SELECT * FROM upload WHERE id=?", upload)
        path = self._path("uploads", upload)
        if path.stat().st_size != size or _tree_hash(path) != tree:
            raise Mismatch("Size or tree hash of the whole differ from what was uploaded.")
        archive = secrets.token_urlsafe(64)
        path.rename(self._path("archives", archive))
        _sync(self._folder / "archives")
        with self._file.transaction() as connection:
            connection.execute("DELETE FROM upload WHERE id=?", (upload,))
            connection.execute(
                "INSERT INTO archive VALUES (?, ?, ?, ?, ?, ?)",
                (archive, row["vault"], row["description"], size, tree, time.time()),
            )
        return archive

    def adopt(self, archive: dict[str, Any], source: Path) -> None:
        """Take an archive from elsewhere under the id it had there.

        ``archive`` is a row as ``archive`` gives it, ``source`` its content. That is not compared
        with its hash: one that is altered must not keep all others from moving, and whoever
        retrieves it compares.
        """
        self.make_vault(archive["vault"])
        arriving = self._path("uploads", archive["id"])
        shutil.copyfile(source, arriving)
        arriving.chmod(0o600)
        _sync(arriving)
        arriving.rename(self._path("archives", archive["id"]))
        _sync(self._folder / "archives")
        columns = ("id", "vault", "description", "bytes", "tree", "created")
        self._run(
            "INSERT OR REPLACE INTO archive VALUES (?, ?, ?, ?, ?, ?)",
            *(archive[column] for column in columns),
        )

    def abort(self, upload: str) -> None:
        self._one("SELECT id FROM upload WHERE id=?", upload)
        self._run("DELETE FROM upload WHERE id=?", upload)
        self._path("uploads", upload).unlink(missing_ok=True)

    def archives(self, vault: str) -> list[dict[str, Any]]:
        return self._all("SELECT * FROM archive WHERE vault=? ORDER BY created", vault)

    def archive(self, vault: str, archive: str) -> dict[str, Any]:
        """``KeyError`` when the vault has none of that id."""
        return self._one("SELECT * FROM archive WHERE vault=? AND id=?", vault, archive)

    def content(self, archive: str) -> Path:
        return self._path("archives", archive)

    def delete(self, vault: str, archive: str) -> None:
        self.archive(vault, archive)
        self._run("DELETE FROM archive WHERE id=?", archive)
        self._path("archives", archive).unlink(missing_ok=True)

    # --- jobs ------------------------------------------------------------------------------------

    def ask(self, vault: str, parameters: dict[str, Any]) -> str:
        """The id of a new retrieval."""
        job, now = secrets.token_urlsafe(48), time.time()
        due = now + self._timing.of(parameters["Tier"])
        self._run(
            "INSERT INTO job (id, vault, parameters, created, due) VALUES (?, ?, ?, ?, ?)",
            *(job, vault, json.dumps(parameters), now, due),
        )
        return job

    def jobs(self, vault: str) -> list[dict[str, Any]]:
        """Retrievals under way, and those whose output is still there."""
        return self._all(
            "SELECT * FROM job WHERE vault=? AND (completed IS NULL OR completed > ?)"
            " ORDER BY created",
            *(vault, time.time() - self._timing.output),
        )

    def job(self, vault: str, job: str) -> dict[str, Any]:
        """``KeyError`` when there is none of that id (any more)."""
        return next((row for row in self.jobs(vault) if row["id"] == job), None) or _missing()

    def finish_due(self, publish: Callable[[dict[str, Any]], None]) -> None:
        """Complete what is due and publish what is complete, at least once."""
        now = time.time()
        self._run("UPDATE job SET completed=? WHERE completed IS NULL AND due<=?", now, now)
        for row in self._all("SELECT * FROM job WHERE completed NOT NULL AND NOT published"):
            publish(row)
            self._run("UPDATE job SET published=1 WHERE id=?", row["id"])

    # --- the switch ------------------------------------------------------------------------------

    @property
    def has_capacity(self) -> bool:
        """Whether expedited retrievals are taken."""
        rows = self._all("SELECT value FROM setting WHERE name='capacity'")
        return not rows or rows[0]["value"] == "on"

    def switch_capacity(self, *, on: bool) -> None:
        value = "on" if on else "off"
        self._run("INSERT OR REPLACE INTO setting VALUES ('capacity', ?)", value)

    # --- rows ------------------------------------------------------------------------------------

    def _path(self, kind: str, name: str) -> Path:
        return self._folder / kind / name

    def _run(self, statement: str, *values: object) -> None:
        with self._file.transaction() as connection:
            connection.execute(statement, values)

    def _all(self, statement: str, *values: object) -> list[dict[str, Any]]:
        return [dict(row) for row in self._file.connection.execute(statement, values)]

    def _one(self, statement: str, *values: object) -> dict[str, Any]:
        return next(iter(self._all(statement, *values)), None) or _missing()


def _missing() -> dict[str, Any]:
    raise KeyError("nothing of that id")


def _tree_hash(path: Path) -> str:
    with path.open("rb") as file:
        return root(
            [leaf for part in iter(lambda: file.read(LEAF_BYTES), b"") for leaf in leaves(part)]
        )


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
