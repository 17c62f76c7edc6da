"""What a data folder still holds when no service runs in it, and the sentence when it is nothing.

On one machine ``GAS_STORE=dynamodb`` keeps its tables in the memory of the embedded cloud. Whoever
starts that cloud for the time being finds them empty, and what is written there is gone with it.
"""

from __future__ import annotations

import os
from pathlib import Path

from domain.errors import DomainError
from entrypoints.settings import Settings

AWS_IS_SET = frozenset({"AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"})


class NothingKept(DomainError):
    """There is nothing to read, or what is written would not stay; the sentence says why."""

    code = "nothing_kept"


def in_aws(settings: Settings) -> bool:
    """Whether the settings mean AWS.

    A profile for other work does not: SQLite in a folder that has had an embedded cloud is a
    service of this machine.
    """
    local = settings.store == "sqlite" and (settings.data_dir / "secrets" / "cloud").exists()
    return bool(AWS_IS_SET & set(os.environ)) and not local


def no_service_in(folder: Path) -> str:
    """What to do where there has never been a service."""
    return f"There is no service in {folder.resolve()}. Start it with `make run`."


def readable(settings: Settings) -> None:
    """``NothingKept`` when nothing can be read here without the service that wrote it."""
    if settings.store != "sqlite":
        raise NothingKept(
            f"No service runs in {settings.data_dir.resolve()}. On one machine GAS_STORE=dynamodb"
            " keeps log and records in memory: they went when the service stopped, so there is"
            " nothing to read. Start it with `GAS_STORE=dynamodb make run` and do this while it"
            " runs. Without GAS_STORE everything is kept."
        )
    if not settings.database.exists():
        raise NothingKept(no_service_in(settings.data_dir))


def lasting(settings: Settings) -> None:
    """``NothingKept`` when what is written here would be gone at once."""
    if settings.store != "sqlite":
        raise NothingKept(
            "On one machine GAS_STORE=dynamodb keeps log and records in memory, so what is restored"
            " would be gone at once. Begin with it: `GAS_STORE=dynamodb gas up --restore FILE`."
            " Or restore without GAS_STORE, or into AWS: set AWS_REGION."
        )
