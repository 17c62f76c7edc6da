"""Group commit: what many callers append at once is written in one transaction.

**Invariants.**
- A batch is one transaction: every caller's events are written with their slot, or not at all.
- Two appends that touch one key never share a batch, so a later one is judged against the earlier.
- A batch changes (a rival's slot, a refused member) only on evidence that what was sent before can
  never be applied: the slot's key, or a member's, is taken, and keys are never given back. Until
  then the identical request is repeated under the same token. So no append is applied twice.
- The commit id is stored in the slot, so that a write whose answer was lost is known as our own.
- Every caller gets an answer: a position or an error, also when the thread ends or is closed.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from concurrent.futures import Future
from threading import Condition, Event, Thread
from uuid import uuid4

from eventsourcing.persistence import InternalError, PersistenceError

from .chain import Link, link_item
from .errors import Busy, Closed, Refused, TooLarge
from .log import SlotLog
from .packing import ITEM_BYTES, Pack, join
from .table import Action, Item, Table

MOST_ITEMS = 100  # DynamoDB's limits for one transaction
MOST_BYTES = 3_900_000  # of 4 MB


Place = tuple[str, str]  # the keys of an item


class KeyTaken(Exception):
    """A key of this append was taken; ``item`` is what lies there."""

    def __init__(self, item: Item) -> None:
        self.item = item
        super().__init__(item.get("pk"))


class Append:
    """One caller's events, in ``packs`` for the log; ``puts`` are what else is written with them.

    Raises `TooLarge` when this cannot be one transaction.
    """

    def __init__(self, packs: Sequence[Pack], puts: Sequence[Action]) -> None:
        self.packs, self.puts = packs, puts
        self.position: Future[int] = Future()  # of its first event
        self.items = [put["Put"]["Item"] for put in puts]
        self.keys = {item["pk"]["S"] for item in self.items}
        self.count = sum(p.count for p in packs)  # events
        self.size = sum(p.size for p in packs)  # bytes in the log
        items = len(packs) + len(puts)
        written = 2 * self.size + 300 * items
        if items > MOST_ITEMS or written > MOST_BYTES:
            raise TooLarge(
                f"one append is one transaction of at most {MOST_ITEMS} items and {MOST_BYTES:,} "
                f"bytes; this one needs {items} items and {written:,} bytes: save fewer "
                "aggregates or events at once"
            )


def share(waiting: Sequence[Append], bucket: int) -> tuple[list[Append], list[Append]]:
    """The first, with those that fit into one slot with it; and who is left for later."""
    together: list[Append] = []
    left: list[Append] = []
    keys: set[str] = set()
    items, size, count = 1, 0, 0
    for append in waiting:
        fits = (
            items + len(append.puts) <= MOST_ITEMS
            and size + append.size <= ITEM_BYTES
            and count + append.count <= bucket
            and keys.isdisjoint(append.keys)
        )
        if fits or not together:
            together.append(append)
            items += len(append.puts)
            size += append.size
            count += append.count
        else:
            left.append(append)
        keys |= append.keys
    return together, left


class Committer:
    """The way into one log: a queue of appends, and the thread that drains it.

    One transaction is under way at a time. A caller who finds none, and nobody waiting, sends its
    own; what comes meanwhile waits for the thread, which sends it together.
    """

    def __init__(self, table: Table, log: SlotLog) -> None:
        self._table = table
        self._log = log
        self._changed = Condition()  # guards the four below
        self._waiting: list[Append] = []
        self._busy = False  # a transaction is under way
        self._closed = False
        self._thread: Thread | None = None
        self._filled: dict[Place, Item] = {}  # places of streams that were filled last
        self.listeners: set[Event] = set()  # set after each commit

    def append(self, append: Append) -> int:
        """Wait until the append is committed; the position of its first event."""
        with self._changed:
            if self._closed:
                raise Closed("this event store was closed; make a new one to append")
            if alone := not (self._busy or self._waiting):
                self._busy = True
            else:
                self._waiting.append(append)
                self._thread = self._thread or self._start()
        if alone:
            self._write([append])
        return append.position.result()

    def _start(self) -> Thread:
        thread = Thread(target=self._run, name="event-log-committer", daemon=True)
        thread.start()
        return thread

    def close(self) -> None:
        """Fail what waits and end the thread; a request under way is given up by the table."""
        with self._changed:
            self._closed = True
            closed = Closed("this event store was closed before the events were written")
            fail(self._waiting, closed)
            self._waiting = []
            self._changed.notify()
            thread = self._thread
        if thread:
            thread.join()

    def _run(self) -> None:
        batch: list[Append] = []
        try:
            while batch := self._next_batch():
                self._write(batch)
        except BaseException as error:
            ended = InternalError(f"the committer ended: {error!r}")
            ended.__cause__ = error
            with self._changed:
                fail([*batch, *self._waiting], ended)
                self._waiting, self._thread = [], None

    def _next_batch(self) -> list[Append]:
        """What waits and fits together; nothing when the store was closed."""
        with self._changed:
            batch: list[Append] = []
            while not (batch or self._closed):
                self._changed.wait_for(lambda: self._closed or (self._waiting and not self._busy))
                refuse(self._waiting, self._filled)
                hopeful = [append for append in self._waiting if not append.position.done()]
                batch, self._waiting = share(hopeful, self._log.bucket)
                self._busy = bool(batch)
            return batch

    def _write(self, batch: list[Append]) -> None:
        try:
            self._commit(batch)
        finally:
            with self._changed:
                self._busy = False
                self._changed.notify()

    def _commit(self, batch: list[Append]) -> None:
        deadline = time.monotonic() + self._table.timeout
        commit, losses = uuid4().hex, 0
        try:
            while batch:
                slots = self._slots(batch, losses, commit)
                refusal = self._send(slots, [put for append in batch for put in append.puts])
                if refusal is None:
                    self._succeed(batch, Link.of(slots[0]).begin, Link.of(slots[-1]))
                    return
                losses += self._learn_from(refusal.items[: len(slots)])
                rivals = [item for item in refusal.items[len(slots) :] if item]
                refuse(batch, {place_of(item): item for item in rivals})
                self._filled = lasting(rivals)
                batch = [append for append in batch if not append.position.done()]
                if time.monotonic() > deadline:
                    raise Busy("other writers were faster for too long; nothing was written")
        except PersistenceError as error:
            self._log.distrust()
            fail(batch, error)

    def _slots(self, batch: list[Append], losses: int, commit: str) -> list[Item]:
        """The items of the log: one slot that all share, or those of one large append."""
        position, at = self._log.aim(losses)
        packs = [p for append in batch for p in append.packs]
        slots: list[Item] = []
        for packed in packs if len(batch) == 1 else [join(packs)]:
            end = position + packed.count
            slot = link_item(self._log.partition(position), position, end, packed)
            slots.append({**slot, "at": {"N": str(at)}, "by": {"S": commit}})
            position = end
        return slots

    def _send(self, slots: list[Item], puts: list[Action]) -> Refused | None:
        """``None`` when all is written, whoever says so; the refusal when it never will be."""
        try:
            self._table.write([*map(self._table.put, slots), *puts], uuid4().hex)
        except Refused as refusal:
            return refusal
        return None

    def _learn_from(self, rivals: Sequence[Item | None]) -> bool:
        """Whether a rival's slot was in the way; it tells where the log goes on."""
        for slot in filter(None, rivals):
            self._log.learn(Link.of(slot))
        return any(rivals)

    def _succeed(self, batch: list[Append], position: int, last: Link) -> None:
        self._log.learn(last)
        self._filled = lasting(item for append in batch for item in append.items)
        for append in batch:
            append.position.set_result(position)
            position += append.count
        for listener in tuple(self.listeners):
            listener.set()


def place_of(item: Item) -> Place:
    """Where an item lies."""
    return item["pk"]["S"], item["sk"]["N"]


def lasting(items: Iterable[Item]) -> dict[Place, Item]:
    """Items by their place, of those that stay as they are: a tracking moves."""
    return {place_of(item): item for item in items if "heads" in item}


def refuse(appends: Sequence[Append], filled: dict[Place, Item]) -> None:
    """Tell those who aim at a place that is filled."""
    for append in appends:
        for item in append.items:
            if rival := filled.get(place_of(item)):
                fail([append], KeyTaken(rival))


def fail(appends: Sequence[Append], error: Exception) -> None:
    """Answer those that have no answer yet."""
    for append in appends:
        if not append.position.done():
            append.position.set_exception(error)
