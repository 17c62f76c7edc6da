"""Group commit: what many callers append at once is written in one transaction.

**Invariants.**
- A batch is one transaction: every caller's events are written with their slot, or not at all.
- Two appends that touch one key never share a batch, so a later one is judged against the earlier.
- A batch changes (a rival's slot, a refused member) only on evidence that what was sent before can
  never be applied: the slot's key, or a member's, is taken, and keys are never given back. Until
  then the identical request is repeated under the same token. So no append is applied twice.
- The commit id is stored in the slot, so that a write whose answer was lost is known as our own.
- Every caller gets an answer: a position or an error, also when the thread fails or is closed; and
  an append that DynamoDB does not accept fails alone.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from itertools import islice
from threading import Condition, Event, Thread
from uuid import uuid4

from eventsourcing.persistence import InternalError, PersistenceError, ProgrammingError, StoredEvent

from .chain import Link
from .errors import Busy, Closed, Refused, TooLarge
from .log import SlotLog
from .packing import ITEM_BYTES, cut, size_of
from .table import Action, Item, Table

MOST_ITEMS = 100  # DynamoDB's limit for one transaction
ALL = 1.000001  # of a transaction, whatever rounding does to a sum of parts


Place = tuple[str, str]  # the keys of an item


class KeyTaken(Exception):
    """A key of this append was taken; ``item`` is what lies there."""

    def __init__(self, item: Item) -> None:
        self.item = item
        super().__init__(item.get("pk"))


class Append:
    """One caller's events; ``puts`` are the items that are written with them.

    Raises `TooLarge` when this cannot be one transaction.
    """

    def __init__(self, events: Sequence[StoredEvent], puts: Sequence[Action], bucket: int) -> None:
        self.events, self.puts = events, puts
        self.slots = cut(events, bucket)
        items = [put["Put"]["Item"] for put in puts]
        self.keys = {item["pk"]["S"] for item in items}
        self.places = {place_of(item): item for item in items if "heads" in item}  # never change
        self.position: Future[int] = Future()  # of its first event
        size, most = sum(map(size_of, events)), MOST_ITEMS - len(self.slots)
        # the part it takes of a transaction with one slot: events, bytes, items
        self.part = max(len(events) / bucket, size / ITEM_BYTES, len(puts) / (MOST_ITEMS - 1))
        if len(puts) > most:
            raise TooLarge(
                f"one append writes an item for each aggregate and for each {ITEM_BYTES:,} bytes, "
                f"{MOST_ITEMS} at most; this one needs more: save fewer aggregates at once"
            )


def share(waiting: Sequence[Append]) -> tuple[list[Append], list[Append]]:
    """The first, with those that fit into one slot with it; and who is left for later."""
    together: list[Append] = []
    left: list[Append] = []
    keys: set[str] = set()
    part = 0.0
    for append in waiting:
        part += append.part
        fits = part < ALL and keys.isdisjoint(append.keys)
        (together if fits or not together else left).append(append)
        keys |= append.keys
    return together, left


class Committer:
    """The way into one log: appends that wait, and one thread that writes what fits together."""

    def __init__(self, table: Table, log: SlotLog) -> None:
        self._table = table
        self._log = log
        self._changed = Condition()  # guards the three below
        self._waiting: list[Append] = []
        self._closed = False
        self._thread: Thread | None = None
        self.listeners: set[Event] = set()  # set after each commit

    def append(self, append: Append) -> int:
        """Wait until the append is committed; the position of its first event."""
        with self._changed:
            if self._closed:
                raise Closed("this event store was closed; make a new one to append")
            if not self._thread:  # a daemon: it serves whoever outlives the main thread
                thread = Thread(target=self._run, name="event-log-committer", daemon=True)
                thread.start()
                self._thread = thread
            self._waiting.append(append)
            self._changed.notify()
        return append.position.result()

    def close(self) -> None:
        """Fail what waits and end the thread; a request under way is given up by the table."""
        with self._changed:
            self._closed = True
            fail(self._waiting, Closed("this event store was closed; nothing was written"))
            self._waiting = []
            self._changed.notify()
        if self._thread:
            self._thread.join()

    def _run(self) -> None:
        while not self._closed:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._closed)
                batch, self._waiting = share(self._waiting)
            self._write(batch)

    def _write(self, batch: list[Append]) -> None:
        try:
            self._commit(batch)
        except BaseException as error:
            self._log.distrust()
            if isinstance(error, TooLarge | ProgrammingError) and len(batch) > 1:
                for append in batch:  # one of them cannot be written: the others can
                    self._write([append])
            if not isinstance(error, PersistenceError):
                cause, error = error, InternalError(f"the committer failed: {error!r}")
                error.__cause__ = cause
            fail(batch, error)

    def _commit(self, batch: list[Append]) -> None:
        deadline, commit, losses = time.monotonic() + self._table.timeout, uuid4().hex, 0
        while batch:
            together = [event for append in batch for event in append.events]
            groups = batch[0].slots if len(batch) == 1 else [together]
            slots = self._log.slots(groups, losses, commit)
            puts = [put for append in batch for put in append.puts]
            try:
                self._table.write([*map(self._table.put, slots), *puts], uuid4().hex)
            except Refused as refusal:
                rivals = iter(refusal.items)  # what lies at each key, slots first
                for slot in filter(None, islice(rivals, len(slots))):
                    self._log.learn(Link.of(slot))
                    losses += 1
                for append in batch:
                    if taken := [*filter(None, islice(rivals, len(append.puts)))]:
                        fail([append], KeyTaken(taken[0]))
                        self._refuse({place_of(item): item for item in taken if "heads" in item})
                batch = [append for append in batch if not append.position.done()]
            else:
                self._succeed(batch, slots)
                return
            if time.monotonic() > deadline:
                raise Busy("other writers were faster for too long; nothing was written")

    def _succeed(self, batch: Sequence[Append], slots: Sequence[Item]) -> None:
        self._log.learn(Link.of(slots[-1]))
        position = Link.of(slots[0]).begin
        for append in batch:
            append.position.set_result(position)
            position += len(append.events)
            self._refuse(append.places)
        for listener in tuple(self.listeners):
            listener.set()

    def _refuse(self, filled: Mapping[Place, Item]) -> None:
        """Tell those who wait for a place that was just filled: no request is needed for that."""
        with self._changed:
            for append in self._waiting:
                for place in append.places.keys() & filled.keys():
                    fail([append], KeyTaken(filled[place]))
            self._waiting = [append for append in self._waiting if not append.position.done()]


def place_of(item: Item) -> Place:
    """Where an item lies."""
    return item["pk"]["S"], item["sk"]["N"]


def fail(appends: Sequence[Append], error: BaseException) -> None:
    """Answer those that have no answer yet."""
    for append in appends:
        if not append.position.done():
            append.position.set_exception(error)
