"""The slot log: every event in one order, positions dense from 1.

One append is one slot (a large one is several, in the same transaction). A slot's sort key is its
first position, its partition the bucket of that position.

**Invariant: no gaps.** A writer aims at position p only after it has *seen* a slot that ends at
p - 1: its own commit, a read, or the slot it lost to. So all rivals aim at the same key,
`attribute_not_exists` lets exactly one win, and nobody can be beyond it. There is no counter to
keep in step and nothing to repair after a crash.

**Invariant: a slot holds at most one bucket's worth of positions.** So the slot that holds a
position begins in that position's bucket or in the one before.

**What a reader sees.** A query is read-committed against a transaction: a slot may show before the
one that was written with it or just before it. A reader takes a slot only when it begins at the
position the reader expects, and otherwise reads again.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import NamedTuple

from eventsourcing.persistence import Notification, PersistenceError

from .errors import ClockBehind, LogDamaged, LogRestored, Refused
from .packing import unpack_notifications
from .table import Item, Table

SHARD = 0  # in every key, so that more shards need no migration
HIGHEST = 2**63
STALE = 0.03  # seconds after which rivals, where there are any, have probably moved the end
RIVALRY = 5.0  # seconds for which a lost race counts as "there are rivals"
TRUST = 30.0  # seconds after which the end is read again: the table may have been restored
TOPIC_WINDOW = 2000  # positions scanned per request when only some topics are wanted
HALF_SEEN_PAUSES = (0.0, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 1.0)

logger = logging.getLogger(__name__)


class Slot(NamedTuple):
    """A slot as it was read or written."""

    first: int  # the position of its first event
    next: int  # the position after its last
    item: Item

    @classmethod
    def of(cls, item: Item) -> Slot:
        first = int(item["sk"]["N"])
        return cls(first, first + int(item["n"]["N"]), item)


class End(NamedTuple):
    """The end of the log as it was last seen. Replaced whole, so threads need no lock; losing a
    replacement costs a refused write, never a gap."""

    next: int  # the position after the last slot seen
    at: int  # that slot's time, milliseconds since the epoch
    seen: float  # when, by the monotonic clock


class SlotLog:
    """The log of one application. ``bucket``: positions per partition, fixed when it is created."""

    def __init__(
        self, table: Table, app: str, bucket: int, clock: Callable[[], float], tolerance: float
    ) -> None:
        self._table = table
        self._app = app
        self._meta = f"M#{app}#{SHARD}"
        self._clock = clock
        self._tolerance = tolerance
        self._bucket_wanted = bucket
        self._bucket = 0  # 0 until read: what is stored counts, not what this process was told
        self._newest = self._hinted = 0  # a bucket that holds a slot, or 0; the one in the hint
        self._end = End(1, 0, float("-inf"))
        self._raced = float("-inf")

    def partition(self, position: int) -> str:
        """The partition of the slot that begins at ``position``."""
        return f"L#{self._app}#{SHARD}#{position // self._bucket}"

    @property
    def bucket(self) -> int:
        """Positions per partition; creates the log's description on the first write ever."""
        while not self._open():
            numbers = {"bucket": {"N": str(self._bucket_wanted)}, "newest": {"N": "0"}}
            item = {"pk": {"S": self._meta}, "sk": {"N": "0"}, **numbers}
            with suppress(Refused):  # another process was faster: what it wrote counts
                self._table.call("put_item", **self._table.put_new(item))
        return self._bucket

    def _open(self) -> bool:
        """Whether the log exists; learns its bucket size and newest bucket."""
        if not self._bucket:
            meta = self._table.get(self._meta, 0)
            if meta is None:
                return False
            self._newest = self._hinted = int(meta["newest"]["N"])
            self._bucket = int(meta["bucket"]["N"])
        return True

    # --- the end -----------------------------------------------------------------------------

    def aim(self, losses: int) -> tuple[int, int]:
        """Where the next slot goes, and its time (monotone, milliseconds).

        A lone writer trusts what it knows. After a lost race the slot it lost to is enough once;
        then, and when rivals are about and the end is stale, one read finds it.
        """
        now = time.monotonic()
        if losses:
            self._raced = now
        trusted = STALE if now - self._raced < RIVALRY else TRUST
        if losses > 1 or now - self._end.seen > trusted:
            self.refresh()
        return self._end.next, self._stamp()

    def _stamp(self) -> int:
        now = round(self._clock() * 1000)
        behind = (self._end.at - now) / 1000
        if behind > self._tolerance:
            raise ClockBehind(
                f"this machine's clock is {behind:.0f} s behind the newest entry of the log: set "
                "the clock (NTP) and repeat; nothing was written"
            )
        return max(now, self._end.at)

    def learn(self, slot: Slot) -> None:
        """A slot was seen; knowledge only grows."""
        if slot.next >= self._end.next:
            self._end = End(slot.next, int(slot.item["at"]["N"]), time.monotonic())
        self._newest = max(self._newest, slot.first // self._bucket)

    def distrust(self) -> None:
        """Read the end before the next write: something failed, perhaps the table was replaced."""
        self._end = self._end._replace(seen=float("-inf"))

    def refresh(self) -> int:
        """Read the end; the last position, 0 when the log is empty.

        `LogRestored` when it ends before what this process has seen.
        """
        exists = self._open()
        known = max(self._end.next - 1, self._newest * self._bucket)  # before looking
        slot = self._last_slot(self._newest) if exists else None
        end = slot.next - 1 if slot else 0
        if end < known:
            raise restored(known, end)
        if slot:
            self.learn(slot)
        else:
            self._end = End(1, 0, time.monotonic())
        return end

    def _last_slot(self, number: int) -> Slot | None:
        """The newest slot: from a bucket known to hold one, on through those begun since."""
        last = None
        while slot := self._edge(number, HIGHEST):
            last = slot
            if slot.next // self._bucket == number:
                break
            number = slot.next // self._bucket
        return last

    def _edge(self, number: int, below: int) -> Slot | None:
        """The last slot of a bucket that begins before ``below``."""
        partition = self.partition(number * self._bucket)
        page = self._table.query(partition, 0, below - 1, ScanIndexForward=False, Limit=1)
        return Slot.of(page["Items"][0]) if page["Items"] else None

    def holds(self, position: int, commit: str) -> bool:
        """Whether the slot at ``position`` was written under this commit id."""
        item = self._table.get(self.partition(position), position)
        return item is not None and item["by"]["S"] == commit

    def leave_hint(self) -> None:
        """Tell those who start where the newest bucket is: a lower bound, so losing it costs them
        one request a bucket. Nothing to do unless a bucket was begun."""
        newest = self._newest
        if newest <= self._hinted:
            return
        update = {
            "Key": {"pk": {"S": self._meta}, "sk": {"N": "0"}},
            "UpdateExpression": "SET newest = :b",
            "ConditionExpression": "newest < :b",
            "ExpressionAttributeValues": {":b": {"N": str(newest)}},
        }
        try:
            with suppress(Refused):  # somebody left a newer one
                self._table.call("update_item", TableName=self._table.name, **update)
            self._hinted = newest
        except PersistenceError as error:
            logger.warning("no hint left for bucket %s: %s", newest, error)

    # --- reading -----------------------------------------------------------------------------

    def read(
        self, start: int, limit: int, stop: int | None = None, topics: Sequence[str] = ()
    ) -> tuple[list[Notification], int]:
        """At most ``limit`` notifications from ``start`` to ``stop``, of ``topics`` if any.

        The second result is the first position *not scanned*: continue there, not after the last
        match, or a rare topic is searched for again and again.
        """
        wanted = frozenset(topics)
        last = HIGHEST if stop is None else stop
        found: list[Notification] = []
        position = start = max(start, 1)
        for slot in self._slots(start, last, TOPIC_WINDOW if wanted else limit):
            position = slot.next
            events = unpack_notifications(slot.item, slot.first, wanted)
            if slot.first < start or slot.next > last:
                events = [n for n in events if start <= n.id <= last]
            found += events
            if len(found) >= limit:
                return found[:limit], found[limit - 1].id + 1
        return found, max(start, min(position, last + 1))

    def _slots(self, position: int, last: int, span: int) -> Iterator[Slot]:
        """Slots from the one that holds ``position``, each beginning where the one before ends.

        Optimistic: most readers ask from where a slot begins, and then one request is enough.
        """
        if position > last or span <= 0 or not self._open():
            return
        aligned = position in (1, self._end.next)
        pauses = iter(HALF_SEEN_PAUSES)
        while position <= last:
            number, upto = position // self._bucket, min(last, position + span - 1)
            page = self._table.query(self.partition(position), position, upto)
            slots = [Slot.of(item) for item in page["Items"]]
            if not aligned and not (slots and slots[0].first == position):
                before = self._before(position)
                if before is None or before.next < position:
                    return  # asked from beyond the end
                if before.next > position:
                    slots, position = [before, *slots], before.first
            aligned = True
            chained = _chained(slots, position)
            if chained:
                self.learn(chained[-1])
                yield from chained
                position, pauses = chained[-1].next, iter(HALF_SEEN_PAUSES)
            elif slots:
                self._wait_for(position, pauses)
            searched = len(chained) == len(slots) and "LastEvaluatedKey" not in page
            if searched and position <= upto and position // self._bucket == number:
                return  # nothing begins at ``position``: the end

    def _before(self, position: int) -> Slot | None:
        """The slot that begins last before ``position``, here or one bucket earlier."""
        number = position // self._bucket
        here = self._edge(number, position)
        return here or (self._edge(number - 1, position) if number else None)

    def _wait_for(self, position: int, pauses: Iterator[float]) -> None:
        pause = next(pauses, None)
        if pause is None:
            raise LogDamaged(
                f"position {position} of the log of {self._app!r} is missing although later ones "
                "are there: an item was deleted; restore the table from a backup"
            )
        time.sleep(pause)


def _chained(slots: list[Slot], position: int) -> list[Slot]:
    """Those that follow each other without a gap from ``position`` on."""
    for i, slot in enumerate(slots):
        if slot.first != position:
            return slots[:i]
        position = slot.next
    return slots


def restored(known: int, end: int) -> LogRestored:
    """The log is shorter than what somebody has seen of it."""
    return LogRestored(
        f"the log ends at position {end}, but position {known} has been seen: the table was "
        "restored to an earlier point, or another table took its name. Stop every process that "
        f"uses it, rebuild views and trackings that are beyond {end}, then start again"
    )
