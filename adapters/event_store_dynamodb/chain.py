"""Chains: packs of events that follow each other. A stream is one by version, the log by position.

**Invariant.** The sort key of a link is the place where the link before it ends, and a writer uses
that key only after it has *seen* that link: its own commit, a read, or what a refusal showed. So
all rivals for the next place aim at the same key, `attribute_not_exists` lets exactly one win, and
nobody can be beyond it. No place is filled twice, the log has no gaps, there is no counter to keep
in step, and a crash leaves nothing to repair.

**What a reader sees.** A transaction becomes visible item by item: a link may show before the one
that was written with it, or just before it. A reader takes a link only where the one before it
ends, and otherwise looks again.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator
from typing import NamedTuple

from .errors import LogDamaged
from .packing import Pack, attributes
from .table import HIGHEST, Item, Table, key_of

PAUSES = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 1.0)  # seconds between looks


class Link(NamedTuple):
    """A pack as it is stored: versions or positions ``begin <= … < end``."""

    begin: int
    end: int
    item: Item

    @classmethod
    def of(cls, item: Item) -> Link:
        return cls(int(item["sk"]["N"]), int(item["end"]["N"]), item)


def link_item(pk: str, begin: int, end: int, packed: Pack) -> Item:
    """The item of a link."""
    return {**key_of(pk, begin), "end": {"N": str(end)}, **attributes(packed)}


def last_link(table: Table, pk: str, below: int) -> Link | None:
    """The link that begins last below a place."""
    item = next(table.items(pk, 0, below - 1, descending=True, most=1), None)
    return Link.of(item) if item else None


def ascending(
    table: Table,
    pk: str,
    place: int,
    below: int,
    *,
    known: int | None,
    before: Callable[[int], Link | None],
    most: int = HIGHEST,
) -> Iterator[Link]:
    """Links that begin below ``below``, in order, from the one that holds ``place`` on (or from the
    last, when the chain ends earlier). ``most``: how many are probably wanted.

    Where a link is ``known`` to end, and mostly elsewhere, one request is enough: it shows a link
    that begins there. If none does, ``before`` must find the link that begins last below a place.
    """
    for pause in PAUSES:
        ahead = map(Link.of, table.items(pk, place, below - 1, most=most))
        head = next(ahead, None)
        if place != known and (head is None or head.begin != place) and (link := before(place)):
            yield link
            place = known = link.end
        for link in itertools.chain([head] if head else [], ahead):
            if link.begin != place:
                break
            yield link
            place = known = link.end
        else:
            return
        time.sleep(pause)
    raise damaged(pk, place)


def descending(table: Table, pk: str, place: int, below: int, most: int) -> Iterator[Link]:
    """Links that begin below ``below``, in reverse order, down to the one that holds ``place``."""
    end = None
    for pause in PAUSES:
        for link in map(Link.of, table.items(pk, 0, below - 1, descending=True, most=most)):
            if link.end != (end or link.end):
                break
            yield link
            end = below = link.begin
            if end <= place:
                return
        else:
            if not end:
                return
        time.sleep(pause)
    raise damaged(pk, end)


def damaged(pk: str, place: int | None) -> LogDamaged:
    """Looked often enough: it will not show."""
    return LogDamaged(
        f"{place} is missing from {pk} although later ones are there: an item was deleted; restore "
        "the table from a backup"
    )
