"""Who acts, when, and because of what: stamped on every event a command makes.

Context variables rather than parameters, so that signatures in the domain stay about the domain.
An entry point says who acts (``acting``); the service adds the time of each command (``at``).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from uuid import uuid4


@dataclass(frozen=True, slots=True)
class Caller:
    """``actor`` is ``user:<id>``, ``worker:<name>`` or ``system:<part>``."""

    actor: str
    correlation_id: str
    causation_id: str = ""


_caller: ContextVar[Caller] = ContextVar("gas_caller")
_now: ContextVar[datetime] = ContextVar("gas_now")


@contextmanager
def acting(actor: str, *, correlation_id: str = "", causation_id: str = "") -> Iterator[Caller]:
    """Every command inside carries this actor; without a correlation id a new one is made."""
    caller = Caller(actor, correlation_id or uuid4().hex, causation_id)
    token = _caller.set(caller)
    try:
        yield caller
    finally:
        _caller.reset(token)


@contextmanager
def at(now: datetime) -> Iterator[None]:
    """Every event inside carries this time."""
    token = _now.set(now)
    try:
        yield
    finally:
        _now.reset(token)


def stamp() -> dict[str, object]:
    """The fields every event gets; ``LookupError`` outside of a command."""
    caller = _caller.get()
    return {
        "timestamp": _now.get(),
        "actor": caller.actor,
        "correlation_id": caller.correlation_id,
        "causation_id": caller.causation_id,
    }
