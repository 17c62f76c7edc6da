"""The event feed: what happened to whom, in the order of the log, from any position on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any
from uuid import UUID

from domain.catalogue import CATALOGUE, cloud_event
from domain.errors import DomainError
from domain.log import LoggedEvent, read_log
from domain.ports import Views
from domain.service import AnnotationService
from entrypoints.people import Person
from entrypoints.views import await_position
from projections.job_views import OWNER_EVENTS

SEES_ALL = "audit:read"
SETTLE_SECONDS = 2.0


class UnknownType(DomainError):
    """A feed was asked for a type that no event has."""

    code = "unknown_type"


@dataclass(frozen=True, slots=True)
class FeedPage:
    """Public events in order; ``next`` is the last position examined, found fitting or not."""

    events: list[dict[str, Any]]
    next: int


@dataclass(frozen=True)
class Feed:
    """Auditors read the log itself, everybody else their own events, found by a view."""

    service: AnnotationService
    views: Views

    def read(self, person: Person, *, after: int, types: Sequence[str], limit: int) -> FeedPage:
        """The next events that fit, at most ``limit`` of them; none when the end is reached."""
        _check_types(types)
        while True:
            found, examined, more = self._examine(person, after, limit)
            events = [cloud_event(e) for e in found if not types or e.topic in types]
            if events or not more:
                return FeedPage(events, examined)
            after = examined

    def position(self, person: Person) -> int:
        """How far the person's feed has got: nothing new is there before this grows."""
        if person.may(SEES_ALL):
            return self.service.recorder.max_notification_id() or 0
        return self.views.position(OWNER_EVENTS)

    def history(self, aggregate_id: UUID, *, version: int) -> list[dict[str, Any]]:
        """All public events of one aggregate that is at ``version`` or beyond."""
        key = f"of:{aggregate_id}"
        rows = self.views.query(OWNER_EVENTS, key)
        if len(rows) < version:
            end = self.service.recorder.max_notification_id() or 0
            await_position(self.views, OWNER_EVENTS, end, seconds=SETTLE_SECONDS)
            rows = self.views.query(OWNER_EVENTS, key)
        return [cloud_event(e) for e in self._at([int(position) for position, _ in rows])]

    def _examine(
        self, person: Person, after: int, limit: int
    ) -> tuple[list[LoggedEvent], int, bool]:
        """Events beyond ``after``, the last position examined, and whether there may be more."""
        if person.may(SEES_ALL):
            events = read_log(self.service, after=after, limit=limit)
            return events, events[-1].position if events else after, len(events) == limit
        end = self.views.position(OWNER_EVENTS)
        rows = self.views.query(OWNER_EVENTS, str(person.user), after=f"{after:020d}", limit=limit)
        positions = [int(position) for position, _ in rows if int(position) <= end]
        if len(positions) == limit:
            return list(self._at(positions)), positions[-1], True
        return list(self._at(positions)), max(after, end), False

    def _at(self, positions: Sequence[int]) -> Iterator[LoggedEvent]:
        """The events at these positions, one read for each run of neighbours."""
        for _, run in groupby(enumerate(positions), key=lambda item: item[1] - item[0]):
            neighbours = [position for _, position in run]
            yield from read_log(self.service, after=neighbours[0] - 1, limit=len(neighbours))


def _check_types(types: Sequence[str]) -> None:
    for name in types:
        if name not in CATALOGUE:
            raise UnknownType(
                f"There is no event type {name[:60]!r}; there are: {', '.join(CATALOGUE)}."
            )
