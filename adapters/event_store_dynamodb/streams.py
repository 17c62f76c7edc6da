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
from dataclasses import dataclass
from itertools import pairwise
from uuid import UUID

from eventsourcing.persistence import IntegrityError, StoredEvent

from .errors import LogDamaged, OutOfOrder, TooLarge
from .packing import unpack
from .table import Item, Table

HIGHEST = 2**63
KEY_BYTES = 2048  # what DynamoDB takes as a partition key
REMEMBERED_STREAMS = 20_000
HALF_SEEN_PAUSES = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)  # seconds


class Streams:
    """Streams under one key prefix; ``packed`` unless every version has its own item."""

    def __init__(self, table: Table, prefix: str, *, packed: bool) -> None:
        self._table = table
        self._prefix = prefix
        self._packed = packed
        self._ends: dict[str, range] = {}  # key -> versions recorded up to a pack's end seen there

    def key(self, originator_id: UUID | str) -> str:
        """The partition of one originator's events."""
        key = f"{self._prefix}{originator_id}"
        if len(key) > KEY_BYTES // 4 and len(key.encode()) > KEY_BYTES:
            raise TooLarge(
                f"the originator id {key[:40]!r}… is too long: with its prefix it may have "
                f"{KEY_BYTES} bytes; use a shorter id"
            )
        return key

    def learn(self, key: str, events: Sequence[StoredEvent]) -> range:
        """A pack of this stream was seen to end with these events, in ascending order."""
        first, last = events[0].originator_version, events[-1].originator_version
        whole = last - first + 1 == len(events)
        known = self._ends.pop(key, range(0))
        if last < known.stop - 1:  # an older pack tells nothing new
            first, last, whole = known.start, known.stop - 1, True
        self._ends[key] = recorded = range(first if whole else last, last + 1)
        while len(self._ends) > REMEMBERED_STREAMS:
            self._ends.pop(next(iter(self._ends)), None)
        return recorded

    def forget(self, key: str) -> None:
        """Read the stream's end again before the next write."""
        self._ends.pop(key, None)

    # --- writing -----------------------------------------------------------------------------

    def aim(self, key: str, events: Sequence[StoredEvent], *, guess: bool) -> int:
        """The sort key for events that continue the stream.

        With ``guess`` versions 0 and 1 are taken for a new stream without looking.
        Raises `IntegrityError` when a version is taken, `OutOfOrder` when it was left out.
        """
        first = events[0].originator_version
        if first < 0:
            raise OutOfOrder(f"{key}: version {first} is negative; versions start at 0 or 1")
        known = self._ends.get(key)
        if known is None and not (guess and first <= 1):
            known = self._read_end(key)
        if known is None:
            return 0
        if first in known:
            raise taken(events[0])
        if first < known.stop:
            self._refuse(key, events, known.stop - 1)
        return known.stop

    def _read_end(self, key: str) -> range | None:
        page = self._table.query(key, 0, HIGHEST, ScanIndexForward=False, Limit=1)
        return self.learn(key, unpack(page["Items"][0])) if page["Items"] else None

    def _refuse(self, key: str, events: Sequence[StoredEvent], end: int) -> None:
        low = events[0].originator_version
        wanted = {event.originator_version for event in events}
        for stored in self.select(events[0].originator_id, gt=low - 1):
            if stored.originator_version in wanted:
                raise taken(stored)
        raise OutOfOrder(
            f"{key}: version {low} was left out when the stream grew to {end}; versions of one "
            "originator must be recorded in ascending order"
        )

    # --- reading -----------------------------------------------------------------------------

    def select(
        self,
        originator_id: UUID | str,
        *,
        gt: int | None = None,
        lte: int | None = None,
        desc: bool = False,
        limit: int | None = None,
    ) -> list[StoredEvent]:
        """The originator's events with ``gt < version <= lte``, at most ``limit`` of them."""
        key = self.key(originator_id)
        low = -1 if gt is None else max(gt, -1)
        high = HIGHEST if lte is None else lte
        most = HIGHEST if limit is None else limit
        if low >= high or most <= 0:
            return []
        for pause in (0.0, *HALF_SEEN_PAUSES):
            time.sleep(pause)
            stored = self._read(key, 0 if desc else low + 1, low, high, most, desc=desc)
            if not desc:
                stored = self._with_first(key, low, stored)
            if self._is_whole(stored, from_root=low < 0 and not desc):
                break
        else:
            raise LogDamaged(
                f"{key}: later versions are there but earlier ones are not: an item was deleted; "
                "restore the table from a backup"
            )
        if stored:
            self.learn(key, stored[0 if desc else -1].events)
        found = _within(stored, low, high)
        return sorted(found, key=lambda e: e.originator_version, reverse=desc)[:limit]

    def _is_whole(self, stored: list[_Stored], *, from_root: bool) -> bool:
        """Whether each pack begins where the one before it ends.

        A transaction becomes visible item by item, so the second pack of one write may be seen a
        moment before the first.
        """
        if not self._packed or not stored:
            return True
        if from_root and stored[0].sk != 0:
            return False
        ordered = sorted(stored, key=lambda s: s.sk)
        return all(after.sk == before.last + 1 for before, after in pairwise(ordered))

    def _with_first(self, key: str, low: int, stored: list[_Stored]) -> list[_Stored]:
        """Packs that begin above ``low``, led by the one that began before and may reach beyond.

        Most readers ask from where a pack begins, and then nothing is missing.
        """
        begins = stored[0].sk if stored else None
        if not self._packed or low < 0 or begins == low + 1:
            return stored
        if begins is None and low == self._ends.get(key, range(0)).stop - 1:
            return stored
        before = self._table.query(key, 0, low, ScanIndexForward=False, Limit=1)
        return [_Stored.of(item) for item in before["Items"]] + stored

    def _read(
        self, key: str, lowest: int, low: int, high: int, most: int, *, desc: bool
    ) -> list[_Stored]:
        """Packs from sort key ``lowest`` on, until ``most`` versions in (low, high] are there."""
        options: dict[str, object] = {"ScanIndexForward": not desc}
        if most < 1000:
            options["Limit"] = most  # a pack holds at least one event
        stored: list[_Stored] = []
        while True:
            page = self._table.query(key, lowest, high, **options)
            stored += [_Stored.of(item) for item in page["Items"]]
            if "LastEvaluatedKey" not in page or len(_within(stored, low, high)) >= most:
                return stored
            options["ExclusiveStartKey"] = page["LastEvaluatedKey"]


@dataclass(frozen=True, slots=True)
class _Stored:
    """One pack as it was read."""

    sk: int
    events: list[StoredEvent]

    @classmethod
    def of(cls, item: Item) -> _Stored:
        return cls(int(item["sk"]["N"]), unpack(item))

    @property
    def last(self) -> int:
        return self.events[-1].originator_version


def _within(stored: list[_Stored], low: int, high: int) -> list[StoredEvent]:
    return [e for s in stored for e in s.events if low < e.originator_version <= high]


def taken(event: StoredEvent) -> IntegrityError:
    """The one reason for an `IntegrityError` about events."""
    return IntegrityError(
        f"version {event.originator_version} of {event.originator_id} is already recorded: load "
        "again and decide again"
    )
