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
from dataclasses import dataclass
from functools import lru_cache
from uuid import UUID

from eventsourcing.persistence import DataError, Notification, StoredEvent

from .errors import TooLarge
from .table import Item

ITEM_BYTES = 390_000  # of DynamoDB's 409,600; the rest is for keys, names and estimation


@dataclass(frozen=True, slots=True)
class Pack:
    """Some events, encoded. ``heads`` lacks its outer brackets, so packs can be joined."""

    heads: str
    body: bytes
    count: int
    size: int  # bytes of heads and body
    end: int  # the version after its last


_parse = json.JSONDecoder().raw_decode
_uuid = lru_cache(maxsize=4096)(UUID)  # a reader meets the same originators again and again


@lru_cache(maxsize=4096)
def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def pack(events: Sequence[StoredEvent]) -> Pack:
    """Encode events in the order given."""
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
    heads = "".join(text) + "]]"
    body = b"".join([event.state for event in events])
    return Pack(heads, body, len(events), _utf8_length(heads) + len(body), expected)


def _utf8_length(text: str) -> int:
    try:
        return len(text) if text.isascii() else len(text.encode())
    except UnicodeEncodeError as error:
        raise DataError(f"an originator id or topic is not valid text: {error}") from error


def packs(events: Sequence[StoredEvent], most_events: int = 2**31) -> list[Pack]:
    """Encode events into as few packs as fit into one item each."""
    found: list[Pack] = []
    start = size = 0
    for i, event in enumerate(events):
        bytes_of_one = (
            len(event.state) + 4 * len(event.topic) + 4 * len(str(event.originator_id)) + 64
        )
        if bytes_of_one > ITEM_BYTES:
            raise TooLarge(
                f"event {event.originator_version} of {event.originator_id} has "
                f"{len(event.state):,} bytes of state; DynamoDB holds {ITEM_BYTES:,} in one item: "
                "set COMPRESSOR_TOPIC, or keep large content in S3 and its key in the event"
            )
        if size + bytes_of_one > ITEM_BYTES or i - start >= most_events:
            found.append(pack(events[start:i]))
            start, size = i, 0
        size += bytes_of_one
    return [*found, pack(events[start:])]


def join(parts: Sequence[Pack]) -> Pack:
    """Packs one after another as one."""
    return Pack(
        heads=",".join([p.heads for p in parts]),
        body=b"".join([p.body for p in parts]),
        count=sum(p.count for p in parts),
        size=sum(p.size for p in parts) + len(parts),
        end=parts[-1].end,
    )


def attributes(packed: Pack) -> Item:
    """The item attributes of a pack."""
    try:
        body = {"S": packed.body.decode()}
    except UnicodeDecodeError:
        body = {"B": packed.body}  # type: ignore[dict-item]
    return {"heads": {"S": f"[{packed.heads}]"}, "body": body}


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
