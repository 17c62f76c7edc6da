"""The library's recorders on one table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
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

from .chain import link_item
from .committer import MOST_ITEMS, Append, Committer, KeyTaken
from .errors import Busy, Refused, TooLarge
from .log import SlotLog
from .packing import Pack, attributes, pack, packs, unpack
from .streams import Streams, by_stream, partition, refuse_stored
from .subscription import DynamoDBSubscription
from .table import HIGHEST, Action, Item, PerProcess, Table, key_of

MOST_TURNS = 20  # times a stream may have grown under a caller whose version is still free


class VersionReader(AggregateRecorder):
    """Reads versions that have an item each."""

    _table: Table
    _prefix: str  # of the partitions

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
        return self._select(partition(self._prefix, originator_id), wanted, desc=desc, most=most)

    def _select(self, key: str, wanted: range, *, desc: bool, most: int) -> list[StoredEvent]:
        items = self._table.items(key, wanted.start, wanted.stop - 1, descending=desc, most=most)
        return [event for item in islice(items, most) for event in unpack(item)]


class DynamoDBAggregateRecorder(VersionReader):
    """Versions without a log, each its own item in any order: snapshots."""

    def __init__(self, table: Table, prefix: str) -> None:
        self._table = table
        self._prefix = prefix

    def insert_events(self, stored_events: Sequence[StoredEvent], **_: Any) -> None:
        """Record at most 100 events, all or none. `IntegrityError` when one is there already."""
        if not stored_events:
            return
        if len(stored_events) > MOST_ITEMS:
            raise TooLarge(f"{len(stored_events)} events at once, {MOST_ITEMS} fit: cut them up")
        commit = {"by": {"S": uuid4().hex}}
        items = [
            {**key_of(key, event.originator_version), **commit, **attributes(pack([event]))}
            for key, events in by_stream(self._prefix, stored_events).items()
            for event in events
        ]
        try:
            self._table.write([self._table.put(item) for item in items], commit["by"]["S"])
        except Refused as refusal:
            for rival in filter(None, refusal.items):
                refuse_stored(stored_events, unpack(rival))
            raise


class DynamoDBApplicationRecorder(VersionReader, ApplicationRecorder):
    """Streams and the log they share, written together."""

    def __init__(
        self, table: Table, app: str, log: SlotLog, committers: PerProcess[Committer]
    ) -> None:
        self._table = table
        self._app = app
        self._prefix = f"E#{app}#"
        self._streams = Streams(table)
        self.log = log
        self.committers = committers

    def insert_events(self, stored_events: Sequence[StoredEvent], **_: Any) -> Sequence[int]:
        """Record events, all or none; their positions in the log.

        `IntegrityError` when a rival wrote one of the versions; `TooLarge` beyond 390 KB an event,
        100 items or 3.9 MB in all; other errors as `errors` names them.
        """
        return self._append(stored_events)

    def _append(
        self, events: Sequence[StoredEvent], tracking: Sequence[Action] = ()
    ) -> Sequence[int]:
        if not events:
            return []
        streams = by_stream(self._prefix, events)
        in_log = packs(events, self.log.bucket)
        alone = len(streams) == len(in_log) == 1 and events == next(iter(streams.values()))
        packed = {key: in_log if alone else packs(own) for key, own in streams.items()}
        for _ in range(MOST_TURNS):
            puts = [
                self._table.put(item)
                for key, own in streams.items()
                for item in entries(key, self._streams.aim(key, own), packed[key])
            ]
            try:
                first = self.committers.get().append(Append(in_log, [*puts, *tracking]))
            except KeyTaken as taken:
                key = taken.item["pk"]["S"]
                if key not in streams:
                    raise tracked(taken.item) from None
                stored = unpack(taken.item)
                self._streams.learn(key, stored)
                refuse_stored(streams[key], stored)  # otherwise the stream has only grown
                continue
            for key, own in streams.items():
                self._streams.learn(key, own)
            return list(range(first, first + len(events)))
        raise Busy("the streams grew faster than this append could follow; nothing was written")

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
        return DynamoDBSubscription(self, gt, topics)


def entries(key: str, begin: int, parts: Sequence[Pack]) -> Iterator[Item]:
    """Packs of one stream as links, each from where the one before it ends."""
    for packed in parts:
        yield link_item(key, begin, packed.end, packed)
        begin = packed.end


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
        commit = uuid4().hex
        try:
            self._table.write([self._tracking(tracking, commit), *actions], commit)
        except Refused as refusal:
            rival = refusal.items[0]
            if rival is None:
                raise OperationalError(
                    f"the view's own conditions were refused: {refusal}"
                ) from None
            raise tracked(rival) from None

    def _tracking(self, tracking: Tracking, commit: str) -> Action:
        item = {
            **key_of(f"T#{self._app}#{tracking.application_name}", 0),
            "position": {"N": str(tracking.notification_id)},
            "by": {"S": commit},
        }
        return self._table.put(
            item,
            "attribute_not_exists(pk) OR #position < :position",
            ExpressionAttributeNames={"#position": "position"},
            ExpressionAttributeValues={":position": item["position"]},
        )

    def max_tracking_id(self, application_name: str) -> int | None:
        """The recorded position, strongly consistent."""
        item = self._table.get(f"T#{self._app}#{application_name}", 0)
        return int(item["position"]["N"]) if item else None


def tracked(rival: Item) -> IntegrityError:
    """The one reason for an `IntegrityError` about tracking."""
    name = rival["pk"]["S"].split("#", 2)[2]
    position = rival["position"]["N"]
    return IntegrityError(
        f"{name} is already processed up to {position}, not below the new position"
    )


class DynamoDBProcessRecorder(
    DynamoDBApplicationRecorder, DynamoDBTrackingRecorder, ProcessRecorder
):
    """Events and the position that caused them, written together."""

    def insert_events(self, stored_events: Sequence[StoredEvent], **kwargs: Any) -> Sequence[int]:
        """As the application recorder; with ``tracking``, its position too, also without events."""
        tracking: Tracking | None = kwargs.get("tracking")
        if tracking is None:
            return self._append(stored_events)
        if not stored_events:
            self.insert_tracking(tracking)
            return []
        return self._append(stored_events, [self._tracking(tracking, uuid4().hex)])
