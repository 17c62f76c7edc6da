"""Messages: hints to look at something, never facts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message: ``receipt`` names this delivery, ``received`` counts them from 1."""

    body: str
    receipt: str
    received: int


@dataclass(frozen=True, slots=True)
class QueueDepth:
    """How many messages wait, are being worked on, are delayed, or lie in the dead-letter queue."""

    visible: int
    in_flight: int
    delayed: int
    dead: int


class WorkQueue(Protocol):
    """One kind of work. Nothing may depend on a message being unique, ordered or delivered."""

    @property
    def name(self) -> str: ...
    def receive(self, *, wait_seconds: int, limit: int = 1) -> Sequence[Delivery]: ...
    def acknowledge(self, delivery: Delivery) -> None: ...
    def hold(self, delivery: Delivery, seconds: int) -> None:
        """Nobody else sees the message for so long from now; 0 puts it back at once."""

    def send(self, body: str, *, delay_seconds: int = 0) -> None: ...
    def depth(self) -> QueueDepth: ...
    def redrive(self) -> int:
        """Move what lies in the dead-letter queue back to work; how many were moved."""


class Bus(Protocol):
    """Fans public events out to the work queues (attributes: ``type``, ``aggregateversion``)."""

    def publish(self, events: Sequence[Mapping[str, Any]]) -> None:
        """CloudEvents in JSON shape, in log order; raises when any of them was not taken."""
