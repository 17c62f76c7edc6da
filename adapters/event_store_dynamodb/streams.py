"""The streams: each aggregate's versions, a chain of packs.

Versions may start anywhere and leave some out, but only grow. What a process remembers of the ends
of streams is a hint that saves a request: what it means for a caller is decided by what is stored.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from uuid import UUID

from eventsourcing.persistence import IntegrityError, StoredEvent

from .chain import ascending, descending, last_link
from .errors import OutOfOrder, TooLarge
from .packing import unpack
from .table import HIGHEST, Table

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
        self._seen: dict[str, range] = {}  # key -> versions seen stored, up to where a link ends

    def learn(self, key: str, events: Sequence[StoredEvent]) -> None:
        """A link of this stream was seen; it holds these events, in ascending order."""
        begin, end = events[0].originator_version, events[-1].originator_version + 1
        if end - begin > len(events):  # some versions were left out: only the last is vouched for
            begin = end - 1
        seen = self._seen.pop(key, range(0))
        if begin == seen.stop:
            begin = seen.start
        self._seen[key] = range(begin, end) if end > seen.stop else seen
        while len(self._seen) > REMEMBERED_STREAMS:
            self._seen.pop(next(iter(self._seen)), None)

    def aim(self, key: str, events: Sequence[StoredEvent]) -> int:
        """The sort key for events that continue the stream.

        Where nothing is known, versions 0 and 1 are taken for a new stream without looking.
        **Invariant.** `IntegrityError` means that one of the versions was seen stored, `OutOfOrder`
        that only later ones were; what is merely likely costs a request.
        """
        first, seen = events[0].originator_version, self._seen.get(key, range(0))
        if first < 0:
            raise OutOfOrder(f"{key}: version {first} is negative; versions start at 0 or 1")
        if first in seen:
            raise taken(events[0])
        if first == seen.stop or (first == 1 and not seen):
            return seen.stop
        newest = last_link(self._table, key, HIGHEST)
        if newest and first < newest.end:
            refuse_stored(events, self.select(key, range(first, HIGHEST)))
            raise OutOfOrder(
                f"{key}: version {first} was left out when the stream grew to {newest.end - 1}; "
                "versions of one originator must be recorded in ascending order"
            )
        return newest.end if newest else 0

    def select(
        self, key: str, wanted: range, *, desc: bool = False, most: int = HIGHEST
    ) -> list[StoredEvent]:
        """The stream's events of the ``wanted`` versions, at most ``most`` of them."""
        first, below = wanted.start, wanted.stop
        if desc:
            links = descending(self._table, key, first, below, most)
        else:
            links = ascending(
                self._table,
                key,
                first,
                below,
                known=self._seen.get(key, range(0)).stop if first else 0,
                before=lambda version: last_link(self._table, key, version),
                most=most,
            )
        found: list[StoredEvent] = []
        for link in links:
            events = unpack(link.item)
            self.learn(key, events)
            if link.begin < first or link.end > below:
                events = [e for e in events if e.originator_version in wanted]
            found += reversed(events) if desc else events
            if len(found) >= most:
                break
        return found[:most]


def refuse_stored(wanted: Sequence[StoredEvent], stored: Sequence[StoredEvent]) -> None:
    """`IntegrityError` if a version is both wanted and stored."""
    versions = {event.originator_version for event in wanted}
    for event in stored:
        if event.originator_version in versions:
            raise taken(event)


def taken(event: StoredEvent) -> IntegrityError:
    """The one reason for an `IntegrityError` about events."""
    return IntegrityError(
        f"version {event.originator_version} of {event.originator_id} is already recorded: load "
        "again and decide again"
    )
