"""The streams: each aggregate's versions, a chain of packs.

Versions may start anywhere and leave some out, but only grow. What a process remembers of the ends
of streams is a hint that saves a request: what it means for a caller is decided by what is stored.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from uuid import UUID

from eventsourcing.persistence import IntegrityError, StoredEvent

from .chain import Link, ascending, descending, last_link
from .errors import OutOfOrder, TooLarge
from .packing import unpack
from .table import HIGHEST, Item, Table

KEY_BYTES = 2048  # what DynamoDB takes as a partition key
REMEMBERED_STREAMS = 20_000


def partition(prefix: str, originator_id: UUID | str) -> str:
    """The partition of one originator's events."""
    key = f"{prefix}{originator_id}"
    if len(key) > KEY_BYTES // 4 and len(key.encode()) > KEY_BYTES:
        raise TooLarge(
            f"the originator id {key[:40]!r}… is too long: with its prefix it may have "
            f"{KEY_BYTES} bytes; use a shorter id"
        )
    return key


def by_stream(prefix: str, events: Sequence[StoredEvent]) -> dict[str, list[StoredEvent]]:
    """Events by partition in ascending order. `IntegrityError` when a version comes twice."""
    found: dict[str, list[StoredEvent]] = {}
    for event in events:
        found.setdefault(partition(prefix, event.originator_id), []).append(event)
    for grouped in found.values():
        grouped.sort(key=lambda e: e.originator_version)
        for before, after in pairwise(grouped):
            if before.originator_version == after.originator_version:
                raise IntegrityError(
                    f"version {after.originator_version} of {after.originator_id} comes twice in "
                    "one append"
                )
    return found


class Streams:
    """The streams of one application, by the keys that `partition` makes."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._ends: dict[str, int] = {}  # key -> where a link was seen to end

    def learn(self, key: str, end: int) -> None:
        """A link of this stream was seen to end there."""
        self._ends[key] = max(end, self._ends.pop(key, 0))
        while len(self._ends) > REMEMBERED_STREAMS:
            self._ends.pop(next(iter(self._ends)), None)

    def aim(self, key: str, events: Sequence[StoredEvent]) -> int:
        """The sort key for events that continue the stream.

        Where nothing is known, versions 0 and 1 are taken for a new stream without looking.
        Raises `IntegrityError` when one of the versions is stored, `OutOfOrder` when later ones
        are; neither because of what is remembered, which may be of a rival's write half seen.
        """
        first, end = events[0].originator_version, self._ends.get(key, 0)
        if first < 0:
            raise OutOfOrder(f"{key}: version {first} is negative; versions start at 0 or 1")
        if first == end or (first == 1 and not end):
            return end
        newest = last_link(self._table, key, HIGHEST)
        end = self._ends[key] = newest.end if newest else 0
        if first < end:
            refuse_stored(events, self.select(key, range(first, HIGHEST)))
            raise OutOfOrder(
                f"{key}: version {first} was left out when the stream grew to {end - 1}; versions "
                "of one originator must be recorded in ascending order"
            )
        return end

    def grown(self, rival: Item, events: Sequence[StoredEvent]) -> None:
        """A link lies where ``events`` should have: `IntegrityError` if it has one of their
        versions; otherwise the stream has only grown, and now we know to where."""
        refuse_stored(events, unpack(rival))
        self.learn(rival["pk"]["S"], Link.of(rival).end)

    def select(
        self, key: str, wanted: range, *, desc: bool = False, most: int = HIGHEST
    ) -> list[StoredEvent]:
        """The stream's events of the ``wanted`` versions, at most ``most`` of them."""
        first, below, link = wanted.start, wanted.stop, None
        if desc:
            links = descending(self._table, key, first, below, most)
        else:
            links = ascending(
                self._table,
                key,
                first,
                below,
                known=self._ends.get(key) if first else 0,
                before=lambda version: last_link(self._table, key, version),
                most=most,
            )
        found: list[StoredEvent] = []
        for link in links:
            events = unpack(link.item)
            if link.begin < first or link.end > below:
                events = [e for e in events if e.originator_version in wanted]
            found += reversed(events) if desc else events
            if len(found) >= most:
                break
        if link:
            self.learn(key, link.end)
        return found[:most]


def refuse_stored(wanted: Sequence[StoredEvent], stored: Sequence[StoredEvent]) -> None:
    """`IntegrityError` if a version is both wanted and stored: the one reason for it."""
    versions = {event.originator_version for event in wanted}
    for event in stored:
        if event.originator_version in versions:
            raise IntegrityError(
                f"version {event.originator_version} of {event.originator_id} is already "
                "recorded: load again and decide again"
            )
