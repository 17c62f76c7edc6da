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

import os
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from threading import Condition, Event, Thread
from typing import Any
from uuid import uuid4

from eventsourcing.persistence import InternalError, PersistenceError

from .errors import Busy, Closed, OutcomeUnknown, Refused, TooLarge
from .log import Slot, SlotLog
from .packing import ITEM_BYTES, Pack, attributes, join
from .table import Item, Table

MOST_ITEMS = 100  # DynamoDB's limits for one transaction
MOST_BYTES = 3_900_000  # of 4 MB
IDLE = 10.0  # seconds after which an idle thread ends; the next append starts another


Place = tuple[str, int]  # stream key, sort key


class KeyTaken(Exception):
    """A key of this append was taken; ``item`` is what lies there."""

    def __init__(self, item: Item) -> None:
        self.item = item
        super().__init__(item.get("pk"))


@dataclass(slots=True)
class Append:
    """One caller's events. ``packs`` in log order; ``entries`` are (stream key, sort key, pack)."""

    packs: Sequence[Pack]
    entries: Sequence[tuple[str, int, Pack]]
    tracking: dict[str, Any] | None = None
    position: Future[int] = field(default_factory=Future)  # of its first event

    @property
    def keys(self) -> set[str]:
        tracked = {self.tracking["Item"]["pk"]["S"]} if self.tracking else set()
        return {key for key, _, _ in self.entries} | tracked

    @property
    def items(self) -> int:
        return len(self.entries) + len(self.packs) + (self.tracking is not None)

    @property
    def size(self) -> int:
        return 2 * sum(p.size for p in self.packs) + 300 * self.items

    def check(self) -> None:
        """`TooLarge` when this cannot be one transaction."""
        if self.items > MOST_ITEMS or self.size > MOST_BYTES:
            raise TooLarge(
                f"one append is one transaction of at most {MOST_ITEMS} items and {MOST_BYTES:,} "
                f"bytes; this one needs {self.items} items and {self.size:,} bytes: save fewer "
                "aggregates or events at once"
            )


class Batch:
    """Appends that go into one transaction, and the slots that will hold them."""

    def __init__(self, bucket: int, *appends: Append) -> None:
        self._bucket = bucket
        self.appends: list[Append] = []
        self.slots: list[list[Pack]] = []
        self._keys: set[str] = set()
        self._items = self._bytes = 0
        self._slot_bytes = self._slot_count = 0
        for append in appends:
            self.take(append)

    def take(self, append: Append) -> bool:
        """Take the append in, unless it does not fit; its keys are then closed to later ones."""
        fits = (
            append.keys.isdisjoint(self._keys)
            and self._items + append.items <= MOST_ITEMS
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
        if not self.slots or size > ITEM_BYTES or count > self._bucket:
            self.slots.append([])
            self._items += 1
            size, count = packed.size, packed.count
        self.slots[-1].append(packed)
        self._slot_bytes, self._slot_count = size, count


class Plan:
    """A batch aimed at a position: the request, and whose each of its items is."""

    def __init__(self, table: Table, log: SlotLog, batch: Batch, aim: tuple[int, int], commit: str):
        position, at = aim
        common = {"at": {"N": str(at)}}
        self.token = uuid4().hex
        self.positions: list[int] = []
        self.slots: list[Item] = []
        for parts in batch.slots:
            slot = {**_key(log.partition(position), position), **common, "by": {"S": commit}}
            packed = join(parts)
            self.slots.append({**slot, **attributes(packed)})
            position += packed.count
        self.owners: list[Append] = []  # of the items after the slots
        self.taken: dict[Place, Item] = {}  # what lies in the streams once this is written
        puts = [table.put_new(slot) for slot in self.slots]
        position = aim[0]
        for append in batch.appends:
            self.positions.append(position)
            mark = {**common, "position": {"N": str(position)}}
            entries = [{**_key(k, sk), **mark, **attributes(p)} for k, sk, p in append.entries]
            self.taken |= {
                (k, sk): e for (k, sk, _), e in zip(append.entries, entries, strict=True)
            }
            puts += map(table.put_new, entries)
            puts += [append.tracking] if append.tracking else []
            self.owners += [append] * (len(puts) - len(self.slots) - len(self.owners))
            position += sum(p.count for p in append.packs)
        self.actions = [{"Put": put} for put in puts]


def _key(pk: str, sk: int) -> Item:
    return {"pk": {"S": pk}, "sk": {"N": str(sk)}}


class GroupCommit:
    """The way into one log: a committer per process, so that a forked child has its own thread."""

    def __init__(self, table: Table, log: SlotLog) -> None:
        self._table = table
        self._log = log
        self._committers: dict[int, Committer] = {}
        self.listeners: set[Event] = set()  # set after each commit of this process

    def append(self, append: Append) -> int:
        """Wait until the append is committed; the position of its first event."""
        append.check()
        committer = self._committers.get(os.getpid())
        if committer is None:
            new = Committer(self._table, self._log, self._wake)
            committer = self._committers.setdefault(os.getpid(), new)
        return committer.append(append)

    def _wake(self) -> None:
        for listener in tuple(self.listeners):
            listener.set()

    def close(self) -> None:
        """Fail whoever waits."""
        if committer := self._committers.get(os.getpid()):
            committer.close()


class Committer:
    """Drains a queue of appends into the log. ``committed`` is called after each batch.

    One transaction is under way at a time. A caller who finds none, and nobody waiting, sends its
    own; all others wait for the thread, which sends whatever has come meanwhile.
    """

    def __init__(self, table: Table, log: SlotLog, committed: Callable[[], None]) -> None:
        self._table = table
        self._log = log
        self._committed = committed
        self._arrived = Condition()
        self._waiting: deque[Append] = deque()
        self._thread: Thread | None = None
        self._busy = False  # a transaction is under way
        self._taken: dict[Place, Item] = {}  # places the last transaction filled
        self._closed = False

    def append(self, append: Append) -> int:
        """As `GroupCommit.append`."""
        with self._arrived:
            if self._closed:
                raise Closed("this event store was closed; make a new one to append")
            if alone := not (self._busy or self._waiting):
                self._busy = True
            else:
                self._wait_for_thread(append)
        if alone:
            try:
                self._commit(Batch(self._log.bucket, append))
            finally:
                self._finish()
        return append.position.result()

    def _wait_for_thread(self, append: Append) -> None:
        self._waiting.append(append)
        if self._thread is None:
            self._thread = Thread(target=self._run, name="event-log-committer", daemon=True)
            self._thread.start()

    def _finish(self) -> None:
        with self._arrived:
            self._busy = False
            self._arrived.notify_all()

    def close(self) -> None:
        """Fail what waits and end the thread; a request under way is given up by the table."""
        with self._arrived:
            self._closed = True
            self._fail_waiting(Closed("this event store was closed before the events were written"))
            self._arrived.notify_all()
            while self._busy:
                self._arrived.wait()
            thread = self._thread
        if thread is not None:
            thread.join()

    def _run(self) -> None:
        appends: list[Append] = []
        try:
            while batch := self._next_batch():
                appends = batch.appends
                self._commit(batch)
                self._finish()
        except BaseException as error:
            with self._arrived:
                self._thread, self._busy = None, False
                self._waiting.extendleft(a for a in appends if not a.position.done())
                self._fail_waiting(InternalError(f"the committer ended: {error!r}"), error)

    def _fail_waiting(self, error: PersistenceError, cause: BaseException | None = None) -> None:
        error.__cause__ = cause
        while self._waiting:
            self._waiting.popleft().position.set_exception(error)

    def _next_batch(self) -> Batch | None:
        """Everything that waits and fits; ``None`` ends the thread."""
        with self._arrived:
            while not self._arrived.wait_for(self._is_due, IDLE) and self._waiting:
                pass  # somebody's own transaction takes long
            if not self._waiting:
                self._thread = None
                return None
            self._busy = True
            batch = Batch(self._log.bucket)
            self._waiting = deque([a for a in self._waiting if not self._settle(a, batch)])
            return batch

    def _is_due(self) -> bool:
        return self._closed or (bool(self._waiting) and not self._busy)

    def _settle(self, append: Append, batch: Batch) -> bool:
        """Refuse it without a request when its place was filled while it waited, or take it in."""
        for key, sk, _ in append.entries:
            if rival := self._taken.get((key, sk)):
                append.position.set_exception(KeyTaken(rival))
                return True
        return batch.take(append)

    def _commit(self, batch: Batch) -> None:
        deadline = time.monotonic() + self._table.timeout
        commit, losses = uuid4().hex, 0
        try:
            while batch.appends:
                plan = Plan(self._table, self._log, batch, self._log.aim(losses), commit)
                refusal = self._send(plan, commit)
                if refusal is None:
                    self._succeed(batch, plan)
                    return
                losses += self._learn_from_loss(plan, refusal)
                batch = self._without_refused(batch, plan, refusal)
                if time.monotonic() > deadline:
                    raise Busy("other writers were faster for too long; nothing was written")
        except PersistenceError as error:
            self._log.distrust()
            for append in batch.appends:
                append.position.set_exception(error)

    def _send(self, plan: Plan, commit: str) -> Refused | None:
        """``None`` when the plan is written, whoever says so; the refusal when it never will be."""
        try:
            self._table.call(
                "transact_write_items", TransactItems=plan.actions, ClientRequestToken=plan.token
            )
        except Refused as refusal:
            ours = refusal.reasons[0].get("Item", {}).get("by", {}).get("S") == commit
            return None if ours else refusal
        except OutcomeUnknown as unknown:
            if not self._is_written(plan, commit):
                raise unknown from None
        return None

    def _is_written(self, plan: Plan, commit: str) -> bool:
        """The last resort after no answer: our slot is there. Its absence proves nothing."""
        try:
            return self._log.holds(int(plan.slots[0]["sk"]["N"]), commit)
        except PersistenceError:
            return False

    def _succeed(self, batch: Batch, plan: Plan) -> None:
        self._log.learn(Slot.of(plan.slots[-1]))
        self._taken = plan.taken
        for append, position in zip(batch.appends, plan.positions, strict=True):
            append.position.set_result(position)
        self._committed()
        self._log.leave_hint()

    def _learn_from_loss(self, plan: Plan, refusal: Refused) -> bool:
        """A rival's slot tells where the log goes on."""
        rivals = [r["Item"] for r in refusal.reasons[: len(plan.slots)] if r.get("Item")]
        for slot in rivals:
            self._log.learn(Slot.of(slot))
        return bool(rivals)

    def _without_refused(self, batch: Batch, plan: Plan, refusal: Refused) -> Batch:
        """The batch without those whose own keys are taken; they are told by whom."""
        for owner, reason in zip(plan.owners, refusal.reasons[len(plan.slots) :], strict=True):
            if reason.get("Item") and not owner.position.done():
                owner.position.set_exception(KeyTaken(reason["Item"]))
        return Batch(self._log.bucket, *(a for a in batch.appends if not a.position.done()))
