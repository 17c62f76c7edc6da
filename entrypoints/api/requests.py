"""What every request brings: who asks, for which service, under which correlation id."""

from __future__ import annotations

from contextlib import AbstractContextManager, suppress
from typing import TYPE_CHECKING, cast
from uuid import UUID

from flask import current_app, g

from domain.context import Caller, acting
from domain.errors import NotFound
from entrypoints.people import Person

if TYPE_CHECKING:
    from entrypoints.bootstrap import Gas

EXTENSION = "gas"
UUID_LENGTH = 36
SHOWN = 60


def gas() -> Gas:
    """The service this app was made for."""
    return cast("Gas", current_app.extensions[EXTENSION])


def person() -> Person:
    """Who is asking; only where the guard has let somebody in."""
    return cast(Person, g.person)


def acting_person() -> AbstractContextManager[Caller]:
    """Commands inside are theirs, and carry the request's correlation id."""
    return acting(f"user:{person().user}", correlation_id=g.correlation_id)


def job_id_of(text: str) -> UUID:
    """The id in a path; ``NotFound`` for what is none, because no job has it."""
    if len(text) == UUID_LENGTH:
        with suppress(ValueError):
            return UUID(text)
    raise NotFound(f"There is no job {shortened(text)}.")


def shortened(text: str) -> str:
    """What somebody sent, fit for a sentence."""
    return text if len(text) <= SHOWN else text[:SHOWN] + "…"
