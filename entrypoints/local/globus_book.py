"""What the Globus stand-in knows: its key, people, codes and tokens; synced before it answers."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, uuid4, uuid5

from adapters.sqlite_file import SqliteFile

SCHEMA = """
PRAGMA synchronous=FULL;
CREATE TABLE IF NOT EXISTS person (sub TEXT PRIMARY KEY, email TEXT UNIQUE, value TEXT) STRICT;
CREATE TABLE IF NOT EXISTS given (
    digest TEXT PRIMARY KEY, kind TEXT, until REAL, value TEXT) STRICT;
CREATE TABLE IF NOT EXISTS secret (name TEXT PRIMARY KEY, value TEXT) STRICT;
"""
CODE, TOKEN = "code", "token"
CODE_SECONDS = 600
TOKEN_SECONDS = 48 * 3600


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who can sign in; ``sub`` is their Globus id."""

    sub: str
    name: str
    email: str
    organization: str = "This machine"


@dataclass(frozen=True, slots=True)
class Grant:
    """What somebody allowed a client, by code or token."""

    sub: str
    client_id: str
    scope: str
    redirect_uri: str = ""
    nonce: str = ""
    challenge: str = ""
    issued: int = 0


# Who works at this machine; owns the bundled example.
LOCAL_USER = Person(
    sub=str(uuid5(NAMESPACE_URL, "gas:local-user")), name="Local user", email="local@localhost"
)


class Book:
    """One file in the data folder."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        path.touch(mode=0o600)
        self._file = SqliteFile(path, SCHEMA)
        self._keep(LOCAL_USER)

    # --- people ----------------------------------------------------------------------------------

    def people(self) -> list[Person]:
        """Everybody known, the local user first."""
        rows = self._file.connection.execute("SELECT value FROM person ORDER BY rowid").fetchall()
        return [Person(**json.loads(row["value"])) for row in rows]

    def person(self, sub: str) -> Person | None:
        return next((person for person in self.people() if person.sub == sub), None)

    def meet(self, name: str, email: str) -> Person:
        """Whoever has that address, introduced under this name if new."""
        known = next((p for p in self.people() if p.email == email.lower()), None)
        return known or self._keep(Person(sub=str(uuid4()), name=name, email=email.lower()))

    def _keep(self, person: Person) -> Person:
        with self._file.transaction() as connection:
            connection.execute(
                "INSERT OR IGNORE INTO person VALUES (?, ?, ?)",
                (person.sub, person.email, json.dumps(asdict(person))),
            )
        return person

    # --- codes and tokens ------------------------------------------------------------------------

    def give(self, kind: str, grant: Grant, seconds: int) -> str:
        """A new code or token; only its digest is kept."""
        secret = secrets.token_urlsafe(32)
        with self._file.transaction() as connection:
            connection.execute(
                "INSERT INTO given VALUES (?, ?, ?, ?)",
                (_digest(secret), kind, time.time() + seconds, json.dumps(asdict(grant))),
            )
        return secret

    def take(self, code: str) -> Grant | None:
        """What a code stands for, once."""
        with self._file.transaction() as connection:
            row = connection.execute(
                "DELETE FROM given WHERE digest=? AND kind=? RETURNING until, value",
                (_digest(code), CODE),
            ).fetchone()
        return _live(row)

    def look_up(self, token: str) -> tuple[Grant, float] | None:
        """What a token stands for, and until when."""
        row = self._file.connection.execute(
            "SELECT until, value FROM given WHERE digest=? AND kind=?", (_digest(token), TOKEN)
        ).fetchone()
        grant = _live(row)
        return (grant, float(row["until"])) if grant else None

    def revoke(self, token: str) -> None:
        with self._file.transaction() as connection:
            connection.execute("DELETE FROM given WHERE digest=?", (_digest(token),))

    # --- key -------------------------------------------------------------------------------------

    def signing_key(self) -> str:
        """The RSA key as PEM, made at the first start."""
        with self._file.transaction() as connection:
            row = connection.execute("SELECT value FROM secret WHERE name='rsa'").fetchone()
            if row:
                return str(row["value"])
            pem = _new_key()
            connection.execute("INSERT INTO secret VALUES ('rsa', ?)", (pem,))
        return pem


def challenge_of(verifier: str) -> str:
    """PKCE's S256 (RFC 7636)."""
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def _live(row: Any) -> Grant | None:
    return Grant(**json.loads(row["value"])) if row and row["until"] > time.time() else None


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _new_key() -> str:
    from joserfc.jwk import RSAKey

    return RSAKey.generate_key(2048).as_pem(private=True).decode()
