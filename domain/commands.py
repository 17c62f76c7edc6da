"""How a command runs: load, decide, append; and again when a rival wrote first."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar
from uuid import UUID

from eventsourcing.application import Application
from eventsourcing.persistence import IntegrityError, Recording
from eventsourcing.utils import EnvType

from domain.context import at
from domain.stamped import Stamped

COMMAND_TRIES = 10  # how often a command is decided again when a rival wrote first

A = TypeVar("A", bound=Stamped)


@dataclass(frozen=True, slots=True)
class Recorded(Generic[A]):
    """A command's outcome; ``position`` is its last event's in the log, 0 if nothing changed."""

    aggregate: A
    position: int


class Commands(Application[UUID]):
    """What the use cases of every aggregate share."""

    def __init__(
        self,
        env: EnvType,
        *,
        clock: Callable[[], datetime],
        on_recorded: Callable[[], None] = lambda: None,
    ) -> None:
        """``env`` chooses the library's persistence module; ``on_recorded`` wakes followers."""
        super().__init__(env)
        self.clock = clock
        self._on_recorded = on_recorded

    def _notify(self, recordings: list[Recording[UUID]]) -> None:
        if recordings:
            self._on_recorded()

    def _load(self, aggregate_id: UUID, version: int | None = None) -> Any:
        return self.repository.get(aggregate_id, version=version, projector_func=replay)

    def _change(self, load: Callable[[], A], decide: Callable[[A], None]) -> Recorded[A]:
        """Load, decide, append; when a rival wrote first, look again and decide again."""
        for tries_left in reversed(range(COMMAND_TRIES)):
            aggregate = load()
            with at(self.clock()):
                decide(aggregate)
            try:
                return Recorded(aggregate, position_of(self.save(aggregate)))
            except IntegrityError:
                if not tries_left:
                    raise
        raise AssertionError("unreachable")


def replay(aggregate: Any, events: Iterable[Any]) -> Any:
    """As the library's ``project_aggregate``, without its check of each event against a protocol.

    The check took half the time of loading an aggregate.
    """
    for event in events:
        aggregate = event.mutate(aggregate)
    return aggregate


def position_of(recordings: Sequence[Recording[UUID]]) -> int:
    return recordings[-1].notification.id if recordings else 0
