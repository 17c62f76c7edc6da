"""The library's recorders on one table."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from itertools import islice, pairwise
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
from .errors import Busy, Refused, TooLarge
from .log import SlotLog
from .packing import Pack, attributes, pack, packs, unpack
from .streams import Streams, partition, taken
from .subscription import DynamoDBSubscription
from .table import HIGHEST, Item, PerProcess, Table, key_of

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
        items = self._table.items(key, wanted.start, wanted.stop - 1, desc=desc, most=most)
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
            rival = next(filter(None, refusal.items))
            if rival["by"] != commit["by"]:
                raise taken(unpack(rival)[0]) from None


def by_stream(prefix: str, events: Sequence[StoredEvent]) -> dict[str, list[StoredEvent]]:
    """Events by partition in ascending order. `IntegrityError` when a version comes twice."""
    found: dict[str, list[StoredEvent]] = defaultdict(list)
    for event in events:
        found[partition(prefix, event.originator_id)].append(event)
    for grouped in found.values():
        grouped.sort(key=lambda e: e.originator_version)
        for before, after in pairwise(grouped):
            if before.originator_version == after.originator_version:
                raise IntegrityError(
                    f"version {after.originator_version} of {after.originator_id} comes twice in "
                    "one append"
                )
    return found


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
        self, events: Sequence[StoredEvent], tracking: dict[str, Any] | None = None
    ) -> Sequence[int]:
        if not events:
            return []
        streams = by_stream(self._prefix, events)
        in_log = packs(events, most_events=self.log.bucket)
        alone = len(streams) == 1 and len(in_log) == 1 and events == next(iter(streams.values()))
        packed = {k: in_log if alone else packs(grouped) for k, grouped in streams.items()}
        for _ in range(MOST_TURNS):
            entries = [
                entry
                for key, grouped in streams.items()
                for entry in _chain(key, self._streams.aim(key, grouped), packed[key])
            ]
            try:
                first = self.committers.get().append(Append(in_log, entries, tracking))
            except KeyTaken as taken_by:
                key = taken_by.item["pk"]["S"]
                if key not in streams:
                    raise tracked(taken_by.item) from None
                self._streams.grown(taken_by.item, streams[key])
                continue
            for key, grouped in streams.items():
                self._streams.learn(key, grouped[-1].originator_version + 1)
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


def _chain(key: str, sk: int, parts: Sequence[Pack]) -> list[tuple[str, int, Pack]]:
    """Packs under the sort keys that make each begin where the one before it ends."""
    keys = [sk, *(p.end for p in parts[:-1])]
    return [(key, k, p) for k, p in zip(keys, parts, strict=True)]


class DynamoDBTrackingRecorder(TrackingRecorder):
    """How far a consumer has come in each upstream log: strictly increasing."""

    def __init__(self, table: Table, app: str) -> None:
        self._table = table
        self._app = app

    def insert_tracking(self, tracking: Tracking) -> None:
        """Record a position. `IntegrityError` unless it is beyond the recorded one."""
        self.write_with_tracking([], tracking)

    def write_with_tracking(self, actions: list[dict[str, Any]], tracking: Tracking) -> None:
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
            if rival["by"]["S"] != commit:
                raise tracked(rival) from None

    def _tracking(self, tracking: Tracking, commit: str) -> dict[str, Any]:
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
        return self._append(stored_events, self._tracking(tracking, uuid4().hex))
