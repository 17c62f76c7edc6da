"""Group commit: one thread per process and log writes what many callers append at once.

**Invariants.**
- A batch is one transaction: every caller's events are written with their slot, or not at all.
- Two appends that touch one key never share a batch, so a later one is judged against the earlier.
- A batch changes (a rival's slot, a refused member) only on evidence that what was sent before can
  never be applied: the slot's key, or a member's, is taken, and keys are never given back. Until
  then the identical request is repeated under the same token. So no append is applied twice.
- The commit id is stored in the slot. A refusal that shows our own id is our success.
- Every caller gets an answer: a position or an error, also when the thread ends or is closed.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from threading import Condition, Event, Thread
from typing import Any
from uuid import uuid4

from eventsourcing.persistence import InternalError, PersistenceError

from .errors import Busy, Closed, OutcomeUnknown, Refused, TooLarge
from .log import Slot, SlotLog
from .packing import ITEM_BYTES, Pack, attributes, join
from .table import Item, Table, key_of

MOST_ITEMS = 100  # DynamoDB's limits for one transaction
MOST_BYTES = 3_900_000  # of 4 MB
IDLE = 10.0  # seconds after which an idle thread ends; the next append starts another


class KeyTaken(Exception):
    """A key of this append was taken; ``item`` is what lies there."""

    def __init__(self, item: Item) -> None:
        self.item = item
        super().__init__(item.get("pk"))


@dataclass(slots=True, eq=False)
class Append:
    """One caller's events. ``packs`` in log order; ``entries`` are (stream key, sort key, pack).

    Raises `TooLarge` when this cannot be one transaction.
    """

    packs: Sequence[Pack]
    entries: Sequence[tuple[str, int, Pack]]
    tracking: dict[str, Any] | None = None
    position: Future[int] = field(default_factory=Future)  # of its first event
    keys: set[str] = field(init=False)
    items: int = field(init=False)
    size: int = field(init=False)

    def __post_init__(self) -> None:
        self.keys = {key for key, _, _ in self.entries}
        if self.tracking:
            self.keys.add(self.tracking["Put"]["Item"]["pk"]["S"])
        self.items = len(self.entries) + len(self.packs) + (self.tracking is not None)
        self.size = 2 * sum(p.size for p in self.packs) + 300 * self.items
        if self.items > MOST_ITEMS or self.size > MOST_BYTES:
            raise TooLarge(
                f"one append is one transaction of at most {MOST_ITEMS} items and {MOST_BYTES:,} "
                f"bytes; this one needs {self.items} items and {self.size:,} bytes: save fewer "
                "aggregates or events at once"
            )


class Batch:
    """Appends that go into one transaction, and how their events share slots."""

    def __init__(self, bucket: int, appends: Sequence[Append]) -> None:
        self._bucket = bucket
        self.appends: list[Append] = []
        self._slots: list[list[Pack]] = []
        self._keys: set[str] = set()
        self._items = self._bytes = 0  # of all but the slots; of the transaction
        self._slot_bytes = self._slot_count = 0  # of the last slot
        self.left = [append for append in appends if not self._take(append)]

    def _take(self, append: Append) -> bool:
        """Take the append in, unless it does not fit; its keys are then closed to later ones."""
        fits = (
            append.keys.isdisjoint(self._keys)
            and self._items + len(self._slots) + append.items <= MOST_ITEMS
            and self._bytes + append.size <= MOST_BYTES
        )
        self._keys |= append.keys
        if fits:
            for packed in append.packs:
                self._place(packed)
            self._items += append.items - len(append.packs)
            self._bytes += append.size
            self.appends.append(append)
        return fits

    def _place(self, packed: Pack) -> None:
        size, count = self._slot_bytes + packed.size, self._slot_count + packed.count
        if not self._slots or size > ITEM_BYTES or count > self._bucket:
            self._slots.append([])
            size, count = packed.size, packed.count
        self._slots[-1].append(packed)
        self._slot_bytes, self._slot_count = size, count

    def slots(self, log: SlotLog, position: int, at: int, commit: str) -> list[Item]:
        """The items of the log, from ``position`` on."""
        common = {"at": {"N": str(at)}, "by": {"S": commit}}
        items: list[Item] = []
        for packed in map(join, self._slots):
            key = key_of(log.partition(position), position)
            items.append({**key, **common, **attributes(packed)})
            position += packed.count
        return items

    def writes(self, table: Table, position: int, at: int) -> list[tuple[Append, dict[str, Any]]]:
        """All else that is written in the transaction, and for whom."""
        found: list[tuple[Append, dict[str, Any]]] = []
        for append in self.appends:
            mark = {"at": {"N": str(at)}, "position": {"N": str(position)}}
            for key, sk, packed in append.entries:
                item = {**key_of(key, sk), **mark, **attributes(packed)}
                found.append((append, table.put(item)))
            if append.tracking:
                found.append((append, append.tracking))
            position += sum(p.count for p in append.packs)
        return found


class Committer:
    """The way into one log: a queue of appends, and the thread that drains it.

    One transaction is under way at a time. A caller who finds none, and nobody waiting, sends its
    own; what comes meanwhile waits for the thread, which sends it together.
    """

    def __init__(self, table: Table, log: SlotLog) -> None:
        self._table = table
        self._log = log
        self._arrived = Condition()
        self._waiting: list[Append] = []
        self._thread: Thread | None = None
        self._busy = False  # a transaction is under way
        self._closed = False
        self.listeners: set[Event] = set()  # set after each commit

    def append(self, append: Append) -> int:
        """Wait until the append is committed; the position of its first event."""
        with self._arrived:
            if self._closed:
                raise Closed("this event store was closed; make a new one to append")
            own = None if self._busy or self._waiting else self._begin([append])
            if own is None:
                self._waiting.append(append)
                if self._thread is None:
                    self._thread = Thread(target=self._run, name="event-log-committer", daemon=True)
                    self._thread.start()
        if own:
            self._write(own)
        return append.position.result()

    def _begin(self, appends: Sequence[Append]) -> Batch:
        batch = Batch(self._log.bucket, appends)
        self._busy = True
        return batch

    def close(self) -> None:
        """Fail what waits and end the thread; a request under way is given up by the table."""
        with self._arrived:
            self._closed = True
            fail(
                self._waiting, Closed("this event store was closed before the events were written")
            )
            self._waiting = []
            self._arrived.notify()
            thread = self._thread
        if thread is not None:
            thread.join()

    def _run(self) -> None:
        batch: Batch | None = None
        try:
            while batch := self._next_batch():
                self._write(batch)
        except BaseException as error:
            with self._arrived:
                ended = InternalError(f"the committer ended: {error!r}")
                ended.__cause__ = error
                fail([*(batch.appends if batch else []), *self._waiting], ended)
                self._thread, self._waiting = None, []

    def _next_batch(self) -> Batch | None:
        """Everything that waits and fits; ``None`` ends the thread."""
        with self._arrived:
            while not self._arrived.wait_for(self._is_due, IDLE) and self._waiting:
                pass  # somebody's own transaction takes long
            if not self._waiting:
                self._thread = None
                return None
            batch = self._begin(self._waiting)
            self._waiting = batch.left
            return batch

    def _is_due(self) -> bool:
        return self._closed or (bool(self._waiting) and not self._busy)

    def _write(self, batch: Batch) -> None:
        try:
            self._commit(batch)
        finally:
            with self._arrived:
                self._busy = False
                self._arrived.notify()

    def _commit(self, batch: Batch) -> None:
        deadline = time.monotonic() + self._table.timeout
        commit, losses = uuid4().hex, 0
        try:
            while batch.appends:
                position, at = self._log.aim(losses)
                slots = batch.slots(self._log, position, at, commit)
                writes = batch.writes(self._table, position, at)
                refusal = self._send(slots, [put for _, put in writes], commit)
                if refusal is None:
                    self._succeed(batch, position, slots[-1])
                    return
                rivals = list(filter(None, refusal.items[: len(slots)]))
                losses += bool(rivals)
                for rival in rivals:  # its slot tells where the log goes on
                    self._log.learn(Slot.of(rival))
                for (owner, _), item in zip(writes, refusal.items[len(slots) :], strict=True):
                    if item:
                        fail([owner], KeyTaken(item))
                batch = Batch(self._log.bucket, [a for a in batch.appends if not a.position.done()])
                if time.monotonic() > deadline:
                    raise Busy("other writers were faster for too long; nothing was written")
        except PersistenceError as error:
            self._log.distrust()
            fail(batch.appends, error)

    def _send(self, slots: list[Item], puts: list[dict[str, Any]], commit: str) -> Refused | None:
        """``None`` when all is written, whoever says so; the refusal when it never will be."""
        try:
            self._table.write([*map(self._table.put, slots), *puts], uuid4().hex)
        except Refused as refusal:
            ours = (refusal.items[0] or {}).get("by", {}).get("S") == commit
            return None if ours else refusal
        except OutcomeUnknown as unknown:
            if not self._is_written(slots[0], commit):
                raise unknown from None
        return None

    def _is_written(self, slot: Item, commit: str) -> bool:
        """The last resort after no answer: our slot is there. Its absence proves nothing."""
        with suppress(PersistenceError):
            stored = self._table.get(slot["pk"]["S"], int(slot["sk"]["N"]))
            return stored is not None and stored["by"]["S"] == commit
        return False

    def _succeed(self, batch: Batch, position: int, last: Item) -> None:
        self._log.learn(Slot.of(last))
        for append in batch.appends:
            append.position.set_result(position)
            position += sum(p.count for p in append.packs)
        for listener in tuple(self.listeners):
            listener.set()
        self._log.leave_hint()


def fail(appends: Sequence[Append], error: Exception) -> None:
    """Answer those that have no answer yet."""
    for append in appends:
        if not append.position.done():
            append.position.set_exception(error)
