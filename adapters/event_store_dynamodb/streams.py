"""The streams: each aggregate's own versions, in packs.

**Invariant.** A pack's sort key is the last version of the pack before it plus one (0 for a
stream's first pack), and a writer uses that key only after it has seen that pack end there. So all
rivals for a stream's next versions aim at the same key, `attribute_not_exists` lets one win, packs
never overlap, and a version is written at most once. Versions may start anywhere and leave gaps,
but only grow.

What a process remembers of the ends of streams is a hint: a stale one costs a refused write.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple
from uuid import UUID

from eventsourcing.persistence import IntegrityError, StoredEvent

from .errors import LogDamaged, OutOfOrder, TooLarge
from .packing import unpack
from .table import HALF_SEEN_PAUSES, HIGHEST, Item, Table

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


class Streams:
    """The streams of one application, by the keys that `partition` makes."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._ends: dict[str, int] = {}  # key -> the version after a pack's end seen there

    # --- writing -----------------------------------------------------------------------------

    def learn(self, key: str, end: int) -> None:
        """A pack of this stream was seen to end before version ``end``."""
        self._ends[key] = max(end, self._ends.pop(key, 0))
        while len(self._ends) > REMEMBERED_STREAMS:
            self._ends.pop(next(iter(self._ends)), None)

    def aim(self, key: str, events: Sequence[StoredEvent]) -> int:
        """The sort key for events that continue the stream.

        Where nothing is known, versions 0 and 1 are taken for a new stream without looking.
        Raises `IntegrityError` when a version is taken, `OutOfOrder` when it was left out.
        """
        first = events[0].originator_version
        if first < 0:
            raise OutOfOrder(f"{key}: version {first} is negative; versions start at 0 or 1")
        if first > max(1, self._ends.get(key, 0)) and (newest := self._table.last(key)):
            self.learn(key, _Stored.of(newest).end)
        end = self._ends.get(key, 0)
        if first < end:
            self.refuse_taken(events, self.select(key, range(first, HIGHEST)))
            raise OutOfOrder(
                f"{key}: version {first} was left out when the stream grew to {end - 1}; versions "
                "of one originator must be recorded in ascending order"
            )
        return end

    def grown(self, rival: Item, events: Sequence[StoredEvent]) -> None:
        """A pack lies where ``events`` should have: `IntegrityError` if it has one of their
        versions; otherwise the stream has only grown, and now we know to where."""
        stored = _Stored.of(rival)
        self.refuse_taken(events, stored.events)
        self.learn(rival["pk"]["S"], stored.end)

    def refuse_taken(self, wanted: Sequence[StoredEvent], stored: Sequence[StoredEvent]) -> None:
        """`IntegrityError` if a version is both wanted and stored."""
        versions = {event.originator_version for event in wanted}
        for event in stored:
            if event.originator_version in versions:
                raise taken(event)

    # --- reading -----------------------------------------------------------------------------

    def select(
        self, key: str, wanted: range, *, desc: bool = False, most: int = HIGHEST
    ) -> list[StoredEvent]:
        """The stream's events of the ``wanted`` versions, at most ``most`` of them.

        **Invariant: no holes.** A transaction becomes visible item by item, so the second pack of
        one write may be seen a moment before the first: packs that do not follow each other are
        read again.
        """
        for pause in HALF_SEEN_PAUSES:
            time.sleep(pause)
            stored = self._read(key, wanted, most, desc=desc)
            if all(after.sk == before.end for before, after in pairwise(stored)):
                break
        else:
            raise LogDamaged(
                f"{key}: later versions are there but earlier ones are not: an item was deleted; "
                "restore the table from a backup"
            )
        if stored:
            self.learn(key, stored[-1].end)
        found = [event for pack in stored for event in pack.wanted(wanted)]
        return (found[::-1] if desc else found)[:most]

    def _read(self, key: str, wanted: range, most: int, *, desc: bool) -> list[_Stored]:
        """Packs in ascending order that together hold what is wanted.

        The one that holds the first version wanted may begin below it; most readers ask from
        where a pack begins, and then nothing more is asked for.
        """
        found, count, low = [], 0, 0 if desc else wanted.start
        for item in self._table.items(key, low, wanted.stop - 1, desc=desc, most=most):
            found.append(_Stored.of(item))
            count += len(found[-1].wanted(wanted))
            if count >= most or (desc and found[-1].sk <= wanted.start):
                break
        if desc:
            return found[::-1]
        if wanted.start == 0:
            return [ROOT, *found]
        begins = found[0].sk if found else self._ends.get(key)
        if begins == wanted.start:
            return found
        before = self._table.last(key, wanted.start - 1)
        return [_Stored.of(before), *found] if before else found


class _Stored(NamedTuple):
    """One pack as it was read."""

    sk: int
    events: list[StoredEvent]

    @classmethod
    def of(cls, item: Item) -> _Stored:
        return cls(int(item["sk"]["N"]), unpack(item))

    @property
    def end(self) -> int:
        """The sort key of the pack that follows."""
        return self.events[-1].originator_version + 1 if self.events else 0

    def wanted(self, versions: range) -> list[StoredEvent]:
        return [event for event in self.events if event.originator_version in versions]


ROOT = _Stored(0, [])  # what the first pack of a stream follows


def taken(event: StoredEvent) -> IntegrityError:
    """The one reason for an `IntegrityError` about events."""
    return IntegrityError(
        f"version {event.originator_version} of {event.originator_id} is already recorded: load "
        "again and decide again"
    )
