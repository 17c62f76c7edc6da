"""Reading the log: events with their positions, in order and without gaps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from eventsourcing.persistence import Notification

from domain.service import AnnotationService
from domain.stamped import Stamped


@dataclass(frozen=True, slots=True)
class LoggedEvent:
    """One event where it stands in the log; ``position`` counts from 1."""

    position: int
    topic: str
    aggregate_id: UUID
    version: int
    event: Stamped.Event

    @property
    def payload(self) -> dict[str, Any]:
        """The event's own fields, without the envelope that every event has."""
        return {k: v for k, v in vars(self.event).items() if k not in _ENVELOPE}


_ENVELOPE = frozenset(
    {
        "originator_id",
        "originator_version",
        "originator_topic",
        "timestamp",
        "actor",
        "correlation_id",
        "causation_id",
    }
)


def read_log(service: AnnotationService, *, after: int, limit: int) -> list[LoggedEvent]:
    """Up to ``limit`` events beyond position ``after``.

    Stops before the first position that is missing: what stands behind a gap is not yet history.
    """
    notifications = service.recorder.select_notifications(
        start=after, limit=limit, inclusive_of_start=False
    )
    return [logged(service, n) for n in _without_gap(notifications, after)]


def logged(service: AnnotationService, notification: Notification) -> LoggedEvent:
    """A stored notification as the event it was."""
    return LoggedEvent(
        position=notification.id,
        topic=notification.topic,
        aggregate_id=UUID(str(notification.originator_id)),
        version=notification.originator_version,
        event=service.mapper.to_domain_event(notification),  # type: ignore[arg-type]
    )


def _without_gap(notifications: Sequence[Notification], after: int) -> list[Notification]:
    contiguous = []
    for expected, notification in enumerate(notifications, start=after + 1):
        if notification.id != expected:
            break
        contiguous.append(notification)
    return contiguous
