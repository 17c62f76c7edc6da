"""The library's recorders on one table."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import Any
from uuid import UUID, uuid4

from eventsourcing.persistence import (
    AggregateRecorder,
    ApplicationRecorder,
    IntegrityError,
    Notification,
    OperationalError,
    ProcessRecorder,
    StoredEvent,
    Subscription,
    Tracking,
    TrackingRecorder,
)

from .committer import MOST_ITEMS, Append, Committer, KeyTaken
from .errors import Refused, TooLarge
from .log import SlotLog
from .packing import pack, unpack
from .streams import Streams, by_partition, taken
from .subscription import DynamoDBSubscription
from .table import HIGHEST, Action, Item, PerProcess, Table, key_of, number


class DynamoDBAggregateRecorder(AggregateRecorder):
    """Versions without a log, each its own item, in any order: snapshots."""

    def __init__(self, table: Table, prefix: str) -> None:
        self._table = table
        self._prefix = prefix  # of the partitions

    def insert_events(self, stored_events: Sequence[StoredEvent], **_: Any) -> Sequence[int] | None:
        """Record at most 100 events, all or none. `IntegrityError` when one is there already."""
        if len(stored_events) > MOST_ITEMS:
            raise TooLarge(f"{len(stored_events)} events at once, {MOST_ITEMS} fit: cut them up")
        commit = uuid4().hex
        puts = [
            self._table.put({**key_of(key, e.originator_version), "by": {"S": commit}, **pack([e])})
            for key, events in by_partition(self._prefix, stored_events).items()
            for e in events
        ]
        try:
            if puts:
                self._table.write(puts, commit)
        except Refused as refusal:
            raise taken(unpack(next(filter(None, refusal.items)))[0]) from None
        return None

    def select_events(
        self,
        originator_id: UUID | str,
        *,
        gt: int | None = None,
        lte: int | None = None,
        desc: bool = False,
        limit: int | None = None,
    ) -> Sequence[StoredEvent]:
        """The originator's events with ``gt < version <= lte``, strongly consistent."""
        wanted = range(0 if gt is None else max(gt + 1, 0), HIGHEST if lte is None else lte + 1)
        most = HIGHEST if limit is None else limit
        if not wanted or most <= 0:
            return []
        return self._select(f"{self._prefix}{originator_id}", wanted, desc=desc, most=most)

    def _select(self, key: str, wanted: range, *, desc: bool, most: int) -> list[StoredEvent]:
        items = self._table.items(key, wanted.start, wanted.stop - 1, descending=desc, most=most)
        return [event for item in islice(items, most) for event in unpack(item)]


class DynamoDBApplicationRecorder(DynamoDBAggregateRecorder, ApplicationRecorder):
    """Streams and the log they share, written together."""

    def __init__(
        self, table: Table, app: str, log: SlotLog, committers: PerProcess[Committer]
    ) -> None:
        super().__init__(table, f"E#{app}#")
        self._app = app
        self._streams = Streams(table)
        self.log = log
        self.committers = committers

    def insert_events(self, stored_events: Sequence[StoredEvent], **_: Any) -> Sequence[int]:
        """Record events, all or none; their positions in the log.

        `IntegrityError` when a rival wrote one of the versions; `TooLarge` beyond 390 KB an event,
        100 items or 2 MB in all; other errors as `errors` names them.
        """
        return self._append(stored_events, [])

    def _append(self, events: Sequence[StoredEvent], tracking: Sequence[Action]) -> Sequence[int]:
        streams = by_partition(self._prefix, events)
        while events:
            items = [i for key, own in streams.items() for i in self._streams.continued(key, own)]
            puts = [*map(self._table.put, items), *tracking]
            try:
                first = self.committers.get().append(Append(events, puts, self.log.bucket))
            except KeyTaken as refused:
                key = refused.item["pk"]["S"]
                if key not in streams:
                    raise tracked(refused.item) from None
                self._streams.refused(streams[key], refused.item)  # raises, or has learnt
                continue
            for key, own in streams.items():
                self._streams.learn(key, own[-1].originator_version + 1)
            return list(range(first, first + len(events)))
        return []

    def _select(self, key: str, wanted: range, *, desc: bool, most: int) -> list[StoredEvent]:
        return self._streams.select(key, wanted, desc=desc, most=most)

    def select_notifications(
        self,
        start: int | None,
        limit: int,
        stop: int | None = None,
        topics: Sequence[str] = (),
        *,
        inclusive_of_start: bool = True,
    ) -> Sequence[Notification]:
        """At most ``limit`` notifications from ``start`` (or after it) to ``stop`` inclusive."""
        first = 1 if start is None else start + (not inclusive_of_start)
        return self.log.read(first, limit, stop, topics)[0][:limit]

    def max_notification_id(self) -> int | None:
        """The last position; `None` when nothing has been recorded."""
        return self.log.refresh() or None

    def subscribe(
        self, gt: int | None = None, topics: Sequence[str] = ()
    ) -> Subscription[ApplicationRecorder]:
        """Follow the log from after ``gt``."""
        return DynamoDBSubscription(self, self.log, self.committers.get().listeners, gt, topics)


class DynamoDBTrackingRecorder(TrackingRecorder):
    """How far a consumer has come in each upstream log: strictly increasing."""

    def __init__(self, table: Table, app: str) -> None:
        self._table = table
        self._app = app

    def insert_tracking(self, tracking: Tracking) -> None:
        """Record a position. `IntegrityError` unless it is beyond the recorded one."""
        self.write_with_tracking([], tracking)

    def write_with_tracking(self, actions: list[Action], tracking: Tracking) -> None:
        """Apply transaction items of a view (`Put`, `Update`, `Delete`, at most 99) and the
        position, all or none. For subclasses; `IntegrityError` as `insert_tracking`."""
        try:
            self._table.write([self._tracking(tracking), *actions], uuid4().hex)
        except Refused as refusal:
            if rival := refusal.items[0]:
                raise tracked(rival) from None
            raise OperationalError(f"the view's own conditions were refused: {refusal}") from None

    def _tracking(self, tracking: Tracking) -> Action:
        position = number(tracking.notification_id)
        return self._table.put(
            {**key_of(f"T#{self._app}#{tracking.application_name}", 0), "position": position}
            | {"by": {"S": uuid4().hex}},
            "attribute_not_exists(pk) OR #position < :position",
            ExpressionAttributeNames={"#position": "position"},
            ExpressionAttributeValues={":position": position},
        )

    def max_tracking_id(self, application_name: str) -> int | None:
        """The recorded position, strongly consistent."""
        item = self._table.get(f"T#{self._app}#{application_name}", 0)
        return int(item["position"]["N"]) if item else None


def tracked(rival: Item) -> IntegrityError:
    """The one reason for an `IntegrityError` about tracking."""
    name, position = rival["pk"]["S"].split("#", 2)[2], rival["position"]["N"]
    return IntegrityError(f"{name} is already processed up to {position}: skip up to there")


class DynamoDBProcessRecorder(
    DynamoDBApplicationRecorder, DynamoDBTrackingRecorder, ProcessRecorder
):
    """Events and the position that caused them, written together."""

    def insert_events(self, stored_events: Sequence[StoredEvent], **kwargs: Any) -> Sequence[int]:
        """As the application recorder; with ``tracking``, its position too, also without events."""
        tracking: Tracking | None = kwargs.get("tracking")
        if tracking and not stored_events:
            self.insert_tracking(tracking)
        return self._append(stored_events, [self._tracking(tracking)] if tracking else [])
