"""The one user of a service on one machine, and the token its command line uses."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from domain.account import ROLES, SCOPES
from domain.context import acting
from entrypoints.people import NotSignedIn

if TYPE_CHECKING:
    from uuid import UUID

    from entrypoints.bootstrap import Gas
    from entrypoints.settings import Settings

TOKEN_FILE = "token"  # noqa: S105 — in the data folder, readable by its owner alone
TOKEN_NAME = "this machine's command line"  # noqa: S105


def token_file(settings: Settings) -> Path:
    """Where the local user's token is."""
    return settings.data_dir / TOKEN_FILE


def ensure_local_user(gas: Gas) -> UUID:
    """Make the user and a token that works, unless they are there."""
    from entrypoints.local.globus_book import LOCAL_USER

    profile = {
        "name": LOCAL_USER.name,
        "email": LOCAL_USER.email,
        "organization": LOCAL_USER.organization,
    }
    user = gas.people.ensure_local_user(LOCAL_USER.sub, profile, sorted(ROLES))
    path = token_file(gas.settings)
    if not (path.exists() and _works(gas, path.read_text().strip())):
        with acting("system:local"):
            secret = gas.people.create_token(user, name=TOKEN_NAME, scopes=list(SCOPES))
        _write(path, secret)
    return user


def _works(gas: Gas, secret: str) -> bool:
    try:
        gas.people.by_token(secret)
    except NotSignedIn:
        return False
    return True


def _write(path: Path, secret: str) -> None:
    """All of it or nothing, for nobody else's eyes at any moment."""
    new = path.with_suffix(".new")
    new.unlink(missing_ok=True)
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(secret + "\n")
    new.replace(path)
