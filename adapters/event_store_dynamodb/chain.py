"""Chains: packs of events that follow each other. A stream is one by version, the log by position.

**Invariant.** The sort key of a link is the place where the link before it ends, and a writer uses
that key only after it has *seen* that link: its own commit, a read, or what a refusal showed. So
all rivals for the next place aim at the same key, `attribute_not_exists` lets exactly one win, and
nobody can be beyond it. No place is filled twice, none is left out, there is no counter to keep in
step, and a crash leaves nothing to repair.

**What a reader sees.** A transaction becomes visible item by item: a link may show before the one
that was written with it. A reader takes a link only where the one before it ends, and otherwise
looks again.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from eventsourcing.persistence import StoredEvent

from .errors import LogDamaged
from .packing import pack
from .table import HIGHEST, Item, Table, key_of, number

PAUSES = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 1.0)  # seconds between looks


class Link(NamedTuple):
    """A pack as it is stored: versions or positions ``begin <= … < end``."""

    begin: int
    end: int
    item: Item

    @classmethod
    def of(cls, item: Item) -> Link:
        return cls(int(item["sk"]["N"]), int(item["end"]["N"]), item)


def link_item(pk: str, begin: int, end: int, events: Sequence[StoredEvent]) -> Item:
    """The item of a link."""
    return {**key_of(pk, begin), "end": number(end), **pack(events)}


def last_link(table: Table, pk: str, below: int = HIGHEST) -> Link | None:
    """The link that begins last below a place."""
    item = next(table.items(pk, 0, below - 1, descending=True, most=1), None)
    return Link.of(item) if item else None


def links(
    table: Table, pk: str, low: int, high: int, most: int, *, descending: bool = False
) -> Iterator[Link]:
    """Links that begin from ``low``, where one does or the chain ends, to ``high``, in order;
    ``most``: how many are probably wanted. Descending: from ``high`` or below it down to place 0.
    """
    edge = None if descending else low  # where the links seen so far end, or begin
    for pause in PAUSES:
        for link in map(Link.of, table.items(pk, low, high, descending=descending, most=most)):
            near, far = (link.end, link.begin) if descending else (link.begin, link.end)
            if edge not in (None, near):
                break
            yield link
            edge = far
            low, high = (low, far - 1) if descending else (far, high)
        else:
            if not (descending and edge):
                return
        time.sleep(pause)
    raise LogDamaged(
        f"{edge} is missing from {pk} although others are there: an item was deleted; restore the "
        "table from a backup"
    )
