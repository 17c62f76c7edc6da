"""The log: every event in one order, positions dense from 1. A chain of slots by position.

One append is one slot (a large one is several, in the same transaction). A slot's sort key is its
first position, its partition the bucket of that position.

**Invariant.** A slot holds at most one bucket's worth of positions, so each bucket up to the newest
has one that begins in it, and the slot that holds a position begins in that position's bucket or in
the one before.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import NamedTuple

from eventsourcing.persistence import Notification, StoredEvent

from .chain import Link, last_link, link_item, links
from .errors import ClockBehind, LogRestored, Refused
from .packing import unpack_notifications
from .table import HIGHEST, Item, Table, key_of, number

SHARD = 0  # in every key, so that more shards need no migration
STALE = 0.03  # seconds after which rivals, where there are any, have probably moved the end
RIVALRY = 5.0  # seconds for which a lost race counts as "there are rivals"
TRUST = 30.0  # seconds after which the end is read again: the table may have been restored
TOPIC_WINDOW = 2000  # positions scanned per request when only some topics are wanted
CLOCK_TOLERANCE = 300  # seconds by which a writer's clock may be behind the newest slot


class End(NamedTuple):
    """The end of the log as it was last seen. Replaced whole, so threads need no lock; losing a
    replacement costs a refused write, never a gap."""

    begin: int  # the first position of the last slot seen; 0 before any
    next: int  # the position after that slot
    at: int  # its time, milliseconds since the epoch
    seen: float  # when, by the monotonic clock


class SlotLog:
    """The log of one application. ``bucket``: positions per partition, fixed when it is created."""

    def __init__(self, table: Table, app: str, bucket: int, clock: Callable[[], float]) -> None:
        self._table = table
        self._key = f"{app}#{SHARD}"
        self._clock = clock
        self._bucket_wanted = bucket
        self._bucket = 0  # 0 until read: what is stored counts, not what this process was told
        self._end = End(0, 1, 0, float("-inf"))
        self._read_to = 1  # where a slot ends that was read last
        self._raced = float("-inf")

    def partition(self, position: int) -> str:
        """The partition of the slot that begins at ``position``."""
        return f"L#{self._key}#{position // self._bucket}"

    @property
    def bucket(self) -> int:
        """Positions per partition; creates the log's description on the first write ever."""
        while not self._exists():
            item = {**key_of(f"M#{self._key}", 0), "bucket": number(self._bucket_wanted)}
            with suppress(Refused):  # another process was faster: what it wrote counts
                self._table.write([self._table.put(item)], "")
        return self._bucket

    def _exists(self) -> bool:
        if not self._bucket and (stored := self._table.get(f"M#{self._key}", 0)):
            self._bucket = int(stored["bucket"]["N"])
        return self._bucket > 0

    # --- the end -----------------------------------------------------------------------------

    def slots(self, groups: Sequence[Sequence[StoredEvent]], losses: int, by: str) -> list[Item]:
        """The items that continue the log, one for each group, under the commit id ``by``.

        A lone writer trusts the end it knows. After a lost race the slot it lost to is enough once;
        then, and when rivals are about and the end is stale, one read finds it.
        """
        now = time.monotonic()
        if losses:
            self._raced = now
        trusted = STALE if now - self._raced < RIVALRY else TRUST
        if losses > 1 or now - self._end.seen > trusted:
            self.refresh()
        position, common = self._end.next, {"at": number(self._stamp()), "by": {"S": by}}
        found: list[Item] = []
        for events in groups:
            end = position + len(events)
            slot = link_item(self.partition(position), position, end, events)
            found.append({**slot, **common})
            position = end
        return found

    def _stamp(self) -> int:
        """Milliseconds since the epoch that never decrease along the log."""
        now = round(self._clock() * 1000)
        behind = (self._end.at - now) / 1000
        if behind > CLOCK_TOLERANCE:
            raise ClockBehind(
                f"this machine's clock is {behind:.0f} s behind the newest entry of the log: set "
                "the clock (NTP) and repeat; nothing was written"
            )
        return max(now, self._end.at)

    def learn(self, slot: Link) -> None:
        """A slot was seen; knowledge only grows."""
        if slot.end >= self._end.next:
            self._end = End(slot.begin, slot.end, int(slot.item["at"]["N"]), time.monotonic())

    def distrust(self) -> None:
        """Read the end before the next write: something failed, perhaps the table was replaced."""
        self._end = self._end._replace(seen=float("-inf"))

    def refresh(self) -> int:
        """Read the end; the last position, 0 when the log is empty.

        `LogRestored` when it ends before what this process has seen.
        """
        known = self._end.next - 1  # before looking
        slot = self._last_slot() if self._exists() else None
        end = slot.end - 1 if slot else 0
        if end < known:
            raise restored(known, end)
        if slot:
            self.learn(slot)
        else:
            self._end = self._end._replace(seen=time.monotonic())
        return end

    def _last_slot(self) -> Link | None:
        """The newest slot: in the bucket of the newest one known, unless that bucket is full; then
        ahead, in steps that double until one goes too far and halve from then on."""
        number, step, growing = self._end.begin // self._bucket, 1, True
        last = self._last_in(number)
        while last and step and last.end // self._bucket > number:
            if ahead := self._last_in(number + step):
                last, number = ahead, number + step
            growing = growing and ahead is not None
            step = 2 * step if growing else step // 2
        return last

    def _last_in(self, number: int, below: int = HIGHEST) -> Link | None:
        return last_link(self._table, self.partition(number * self._bucket), below)

    # --- reading -----------------------------------------------------------------------------

    def read(
        self, start: int, enough: int, stop: int | None = None, topics: Sequence[str] = ()
    ) -> tuple[list[Notification], int]:
        """The notifications from ``start`` to ``stop``, of ``topics`` if any; whole slots, until
        there are ``enough``, so there may be more.

        The second result is the first position *not scanned*: continue there, not after the last
        match, or a rare topic is searched for again and again.
        """
        wanted = frozenset(topics)
        start, last = max(start, 1), HIGHEST if stop is None else stop
        found: list[Notification] = []
        following = start
        for slot in self._slots(start, last, TOPIC_WINDOW if wanted else enough):
            self.learn(slot)
            events = unpack_notifications(slot.item, slot.begin, wanted)
            if slot.begin < start or slot.end > last:
                events = [n for n in events if start <= n.id <= last]
            found += events
            self._read_to = slot.end
            following = max(start, min(slot.end, last + 1))
            if len(found) >= enough:
                break
        return found, following

    def _slots(self, position: int, last: int, span: int) -> Iterator[Link]:
        """Slots from the one that holds ``position`` to ``last``, ``span`` positions a request."""
        if span <= 0 or not self._exists():
            return
        if position not in (1, self._end.next, self._read_to):  # a slot may begin before it
            position = self._begin_of(position)
        while position <= last:
            partition, high = self.partition(position), min(last, position + span - 1)
            for slot in links(self._table, partition, position, high, span):
                yield slot
                position = slot.end
            if position <= high and self.partition(position) == partition:
                return  # nothing begins there: the end

    def _begin_of(self, position: int) -> int:
        """Where the slot begins that holds the position, or that ends last before it."""
        number = position // self._bucket
        holder = self._last_in(number, position + 1)
        if holder is None and number:
            holder = self._last_in(number - 1)
        return holder.begin if holder else position


def restored(known: int, end: int) -> LogRestored:
    """The log is shorter than what somebody has seen of it."""
    return LogRestored(
        f"the log ends at position {end}, but position {known} has been seen: the table was "
        "restored to an earlier point, or another table took its name. Stop every process that "
        f"uses it, rebuild views and trackings that are beyond {end}, then start again"
    )
