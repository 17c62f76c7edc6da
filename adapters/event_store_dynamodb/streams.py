"""The streams: each aggregate's versions from 0 or 1 on, a chain of packs whose first key is 0.

**Invariant.** Versions leave none out. So a stream that ends beyond a version holds that version,
and `IntegrityError` can be told from the stream's end alone. What a process remembers of the ends
saves requests; what it means for a caller is decided by what is stored.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from uuid import UUID

from eventsourcing.persistence import DataError, IntegrityError, StoredEvent

from .chain import Link, last_link, link_item, links
from .errors import OutOfOrder, TooLarge
from .packing import cut, unpack
from .table import Item, Table

KEY_BYTES = 2048  # what DynamoDB takes as a partition key
REMEMBERED = 20_000  # streams


def partition(prefix: str, originator_id: UUID | str) -> str:
    """The partition of one originator's events."""
    key = f"{prefix}{originator_id}"
    try:
        size = len(key.encode())
    except UnicodeEncodeError as error:
        raise DataError(f"the originator id {key!r} is not valid text: {error}") from error
    if size > KEY_BYTES:
        raise TooLarge(f"{key[:40]}… has more than {KEY_BYTES} bytes: use a shorter originator id")
    return key


def by_partition(prefix: str, events: Sequence[StoredEvent]) -> dict[str, list[StoredEvent]]:
    """Events by partition, in ascending order. `IntegrityError` when a version comes twice."""
    found: dict[str, list[StoredEvent]] = {}
    for event in events:
        found.setdefault(partition(prefix, event.originator_id), []).append(event)
    for own in found.values():
        own.sort(key=lambda e: e.originator_version)
        for before, after in pairwise(own):
            if before.originator_version == after.originator_version:
                raise taken(after)
    return found


class Streams:
    """The streams of one application, by the keys that `partition` makes."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._ends: dict[str, int] = {}  # key -> where a link was seen to end

    def learn(self, key: str, end: int) -> None:
        """The stream was seen to go on to ``end``."""
        if len(self._ends) >= REMEMBERED:
            self._ends = {}
        self._ends[key] = max(end, self._ends.get(key, 0))

    def continued(self, key: str, events: Sequence[StoredEvent]) -> Iterator[Item]:
        """The items that continue the stream with these events; raises as `_aim`."""
        place = self._aim(key, events)
        for group in cut(events, len(events)):
            end = group[-1].originator_version + 1
            yield link_item(key, place, end, group)
            place = end

    def _aim(self, key: str, events: Sequence[StoredEvent]) -> int:
        """Where the stream ends. `IntegrityError` when it has gone on, `OutOfOrder` when the events
        leave a version out. Where nothing is known, versions 0 and 1 are taken to begin it."""
        first, last = events[0].originator_version, events[-1].originator_version
        if first < 0 or last - first >= len(events):
            raise OutOfOrder(f"{key}: versions start at 0 or 1 and none may be left out")
        end = self._ends.get(key, 0)
        if first in (0, end) or (first == 1 and not end):
            return min(first, end)
        newest = last_link(self._table, key)
        end = newest.end if newest else 0
        self.learn(key, end)
        if first > end:
            raise OutOfOrder(f"{key} ends before version {end}: {first} would leave a gap")
        if first < end:
            raise taken(events[0])
        return end

    def refused(self, events: Sequence[StoredEvent], item: Item) -> None:
        """The link ``item`` lies where these events aimed. `IntegrityError` when it holds the first
        of them, `OutOfOrder` when it begins above; otherwise the stream is only longer than known.
        """
        key, first, link = item["pk"]["S"], events[0].originator_version, Link.of(item)
        self.learn(key, link.end)
        if first < unpack(item)[0].originator_version:
            raise OutOfOrder(f"{key} begins with version 1: there can be no 0 any more")
        if first < link.end:
            raise taken(events[0])

    def select(self, key: str, wanted: range, *, desc: bool, most: int) -> list[StoredEvent]:
        """The stream's events of the ``wanted`` versions, at most ``most`` of them."""
        place = 0 if desc else self._place(key, wanted.start)
        found: list[StoredEvent] = []
        for link in links(self._table, key, place, wanted.stop - 1, most, descending=desc):
            self.learn(key, link.end)
            events = [e for e in unpack(link.item) if e.originator_version in wanted]
            found += reversed(events) if desc else events
            if len(found) >= most or (desc and link.begin <= wanted.start):
                break
        return found[:most]

    def _place(self, key: str, version: int) -> int:
        """Where the link begins that holds the version, or will."""
        if version in (0, self._ends.get(key)):
            return version
        holder = last_link(self._table, key, version + 1)
        return holder.begin if holder else 0


def taken(event: StoredEvent) -> IntegrityError:
    """The one reason for an `IntegrityError` about events."""
    return IntegrityError(
        f"version {event.originator_version} of {event.originator_id} is already recorded: load "
        "again and decide again"
    )
