"""How events lie in an item: `heads`, a short JSON text, and `body`, their states end to end.

heads  [[originator id, is UUID (1) or text (0), first version, [[topic, bytes of state], …]], …]
body   a string when all states together are UTF-8 text, so that a person can read them in the
       console, otherwise binary; `bytes` in the heads cut it into states again, byte for byte

A run of consecutive versions of one originator names the originator once. A head is a list, so a
later version may append what it needs to know (uuid, metadata) and old items still read.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from functools import lru_cache
from uuid import UUID

from eventsourcing.persistence import Notification, StoredEvent

from .table import Item

ITEM_BYTES = 390_000  # of DynamoDB's 409,600; the rest is for keys and names

_parse = json.JSONDecoder().raw_decode
_uuid = lru_cache(maxsize=4096)(UUID)  # a reader meets the same originators again and again


@lru_cache(maxsize=4096)
def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def size_of(event: StoredEvent) -> int:
    """About the bytes an event takes in an item, rather too many."""
    return len(event.state) + 2 * (len(event.topic) + len(str(event.originator_id))) + 64


def cut(events: Sequence[StoredEvent], most: int) -> list[Sequence[StoredEvent]]:
    """The events in as few groups as fit into one item each, of at most ``most`` events."""
    groups: list[Sequence[StoredEvent]] = []
    start = size = 0
    for i, event in enumerate(events):
        more = size_of(event)
        if i > start and (size + more > ITEM_BYTES or i - start >= most):
            groups.append(events[start:i])
            start, size = i, 0
        size += more
    return [*groups, events[start:]]


def pack(events: Sequence[StoredEvent]) -> Item:
    """The attributes of an item that holds the events in the order given."""
    text: list[str] = []
    originator: UUID | str | None = None
    expected = 0
    for event in events:
        if event.originator_version != expected or event.originator_id != originator:
            originator = event.originator_id
            is_uuid = 1 if isinstance(originator, UUID) else 0
            begin = f"[{_quoted(str(originator))},{is_uuid},{event.originator_version},["
            text.append(f"]],{begin}" if text else begin)
        else:
            text.append(",")
        expected = event.originator_version + 1
        text.append(f"[{_quoted(event.topic)},{len(event.state)}]")
    states = b"".join([event.state for event in events])
    try:
        body: dict[str, str | bytes] = {"S": states.decode()}
    except UnicodeDecodeError:
        body = {"B": states}
    return {"heads": {"S": f"[{''.join(text)}]]]"}, "body": body}


def unpack(item: Item) -> list[StoredEvent]:
    """The events of an item, in their order."""
    return [
        StoredEvent(n.originator_id, n.originator_version, n.topic, n.state)
        for n in unpack_notifications(item, 0)
    ]


def unpack_notifications(
    item: Item, position: int, topics: Collection[str] = ()
) -> list[Notification]:
    """The events of a slot under their positions from ``position`` on; all, or those of
    ``topics``. One plain loop, for every reader of a log runs it for every event."""
    stored = item["body"]
    body: bytes = stored["S"].encode() if "S" in stored else bytes(stored["B"])
    runs, _ = _parse(item["heads"]["S"])
    found: list[Notification] = []
    at = 0
    for name, is_uuid, version, heads in runs:
        originator = _uuid(name) if is_uuid else name
        for head in heads:  # [topic, bytes of state, and what a later version may add]
            topic, end = head[0], at + head[1]
            if not topics or topic in topics:
                found.append(Notification(originator, version, topic, body[at:end], position))
            at = end
            version += 1  # noqa: PLW2901 - counts on from the run's first version
            position += 1
    return found
