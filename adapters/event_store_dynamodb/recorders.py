"""The library's recorders on one table."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from itertools import pairwise
from threading import Event
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

from .committer import MOST_ITEMS, Append, GroupCommit, KeyTaken
from .errors import Busy, Refused, TooLarge
from .log import SlotLog
from .packing import Pack, attributes, pack, packs, unpack
from .streams import Streams, taken
from .subscription import DynamoDBSubscription
from .table import Item, Table

MOST_TURNS = 20  # times a stream may have grown under a caller whose version is still free


class StreamReader(AggregateRecorder):
    """What all recorders of events read in the same way."""

    _streams: Streams

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
        return self._streams.select(originator_id, gt=gt, lte=lte, desc=desc, limit=limit)


class DynamoDBAggregateRecorder(StreamReader):
    """Versions without a log, each its own item in any order: snapshots."""

    def __init__(self, table: Table, prefix: str) -> None:
        self._table = table
        self._streams = Streams(table, prefix, packed=False)

    def insert_events(self, stored_events: Sequence[StoredEvent], **_: Any) -> None:
        """Record at most 100 events, all or none. `IntegrityError` when one is there already."""
        if not stored_events:
            return
        if len(stored_events) > MOST_ITEMS:
            raise TooLarge(f"{len(stored_events)} events at once, {MOST_ITEMS} fit: cut them up")
        commit = uuid4().hex
        by_stream(self._streams, stored_events)
        items = [self._item(event, commit) for event in stored_events]
        try:
            self._table.write([self._table.put_new(item) for item in items], [], commit)
        except Refused as refusal:
            rivals = [r["Item"] for r in refusal.reasons if r.get("Item")]
            if rivals[0]["by"]["S"] != commit:
                raise taken(unpack(rivals[0])[0]) from None

    def _item(self, event: StoredEvent, commit: str) -> Item:
        key = {
            "pk": {"S": self._streams.key(event.originator_id)},
            "sk": {"N": str(event.originator_version)},
        }
        return {**key, "by": {"S": commit}, **attributes(pack([event]))}


def by_stream(streams: Streams, events: Sequence[StoredEvent]) -> dict[str, list[StoredEvent]]:
    """Events by stream key in ascending order. `IntegrityError` when a version comes twice."""
    found: dict[str, list[StoredEvent]] = defaultdict(list)
    for event in events:
        found[streams.key(event.originator_id)].append(event)
    for grouped in found.values():
        grouped.sort(key=lambda e: e.originator_version)
        for before, after in pairwise(grouped):
            if before.originator_version == after.originator_version:
                raise IntegrityError(
                    f"version {after.originator_version} of {after.originator_id} comes twice in "
                    "one append"
                )
    return found


class DynamoDBApplicationRecorder(StreamReader, ApplicationRecorder):
    """Streams and the log they share, written together."""

    def __init__(self, table: Table, app: str, log: SlotLog, commits: GroupCommit) -> None:
        self._table = table
        self._app = app
        self._streams = Streams(table, f"E#{app}#", packed=True)
        self._commits = commits
        self.log = log

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
        streams = by_stream(self._streams, events)
        in_log = packs(events, most_events=self.log.bucket)
        alone = len(streams) == 1 and len(in_log) == 1 and events == next(iter(streams.values()))
        packed = {k: in_log if alone else packs(grouped) for k, grouped in streams.items()}
        for turn in range(MOST_TURNS):
            entries = [
                entry
                for key, grouped in streams.items()
                for entry in _chain(
                    key, self._streams.aim(key, grouped, guess=not turn), packed[key]
                )
            ]
            try:
                first = self._commits.append(Append(in_log, entries, tracking))
            except KeyTaken as rival:
                self._settle(rival.item, streams)
                continue
            for key, grouped in streams.items():
                self._streams.learn(key, grouped)
            return list(range(first, first + len(events)))
        raise Busy("the streams grew faster than this append could follow; nothing was written")

    def _settle(self, rival: Item, streams: dict[str, list[StoredEvent]]) -> None:
        """Raise if the rival has one of our versions; otherwise the stream has only grown."""
        key = rival["pk"]["S"]
        if key not in streams:
            raise tracked(rival)
        wanted = {event.originator_version for event in streams[key]}
        for stored in unpack(rival):
            if stored.originator_version in wanted:
                raise taken(stored)
        self._streams.forget(key)

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
        return self.log.read(first, limit, stop, topics)[0]

    def max_notification_id(self) -> int | None:
        """The last position; `None` when nothing has been recorded."""
        return self.log.refresh() or None

    def subscribe(
        self, gt: int | None = None, topics: Sequence[str] = ()
    ) -> Subscription[ApplicationRecorder]:
        """Follow the log from after ``gt``."""
        return DynamoDBSubscription(self, gt, topics)

    def listen(self, event: Event) -> None:
        """Set ``event`` whenever this process has committed."""
        self._commits.listeners.add(event)

    def unlisten(self, event: Event) -> None:
        """Stop setting ``event``."""
        self._commits.listeners.discard(event)


def _chain(key: str, sk: int, parts: Sequence[Pack]) -> list[tuple[str, int, Pack]]:
    """Packs under the sort keys that make each begin where the one before it ends."""
    keys = [sk, *(p.last_version + 1 for p in parts[:-1])]
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
            self._table.write([self._tracking(tracking, commit)], actions, commit)
        except Refused as refusal:
            rival = refusal.reasons[0].get("Item")
            if rival is None:
                raise OperationalError(
                    f"the view's own conditions were refused: {refusal}"
                ) from None
            if rival["by"]["S"] != commit:
                raise tracked(rival) from None

    def _tracking(self, tracking: Tracking, commit: str) -> dict[str, Any]:
        item = {
            "pk": {"S": f"T#{self._app}#{tracking.application_name}"},
            "sk": {"N": "0"},
            "position": {"N": str(tracking.notification_id)},
            "by": {"S": commit},
        }
        return self._table.put_request(
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
    DynamoDBTrackingRecorder, DynamoDBApplicationRecorder, ProcessRecorder
):
    """Events and the position that caused them, written together."""

    def __init__(self, table: Table, app: str, log: SlotLog, commits: GroupCommit) -> None:
        DynamoDBApplicationRecorder.__init__(self, table, app, log, commits)

    def insert_events(self, stored_events: Sequence[StoredEvent], **kwargs: Any) -> Sequence[int]:
        """As the application recorder; with ``tracking``, its position too, also without events."""
        tracking: Tracking | None = kwargs.get("tracking")
        if tracking is None:
            return self._append(stored_events)
        if not stored_events:
            self.insert_tracking(tracking)
            return []
        return self._append(stored_events, self._tracking(tracking, uuid4().hex))
