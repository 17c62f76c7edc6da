"""The base of all aggregates: events that say who, when and why."""

from __future__ import annotations

from typing import Any, Self
from uuid import UUID

from eventsourcing.domain import Aggregate, CanInitAggregate, CanMutateAggregate

from domain.context import stamp


class Stamped(Aggregate):
    """An aggregate whose events are stamped from the command context.

    Event fields are JSON values, so that what is stored can be read without this code.
    """

    class Event(Aggregate.Event):
        actor: str
        correlation_id: str
        causation_id: str

    @classmethod
    def _create(
        cls, event_class: type[CanInitAggregate[UUID]], *, id: UUID | None = None, **kwargs: Any
    ) -> Self:
        """A new aggregate whose first event is stamped."""
        return super()._create(event_class, id=id, **(kwargs | stamp()))

    def trigger_event(self, event_class: type[CanMutateAggregate[UUID]], **kwargs: Any) -> None:
        """One more event, stamped."""
        super().trigger_event(event_class, **(kwargs | stamp()))
