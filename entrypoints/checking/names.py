"""The promise that the log has no personal data: what people are called is looked for in it."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from itertools import islice
from typing import NamedTuple

from domain.plans import PLANS
from domain.ports import Records
from entrypoints.checking.findings import Finding
from entrypoints.people import PROFILE
from entrypoints.uploading import UPLOAD
from projections.erasure import LABEL

# where records have what people and their files are called
PERSONAL: Mapping[str, tuple[str, ...]] = {
    PROFILE: ("name", "email", "organization"),
    LABEL: ("filename",),
    UPLOAD: ("filename",),
}
AT_ONCE = 500  # events searched together
SHORTEST = 4  # characters; anything shorter is found in every digest


class Event(NamedTuple):
    """One event as it is stored."""

    position: int
    originator: str
    state: bytes


def personal_words(records: Records, ours: Collection[str]) -> dict[str, str]:
    """What people and files are called -> the kind of record; words of ``ours`` are no names."""
    ordinary = {word.casefold() for word in (*ours, *PLANS)}
    return {
        word: kind
        for kind, fields in PERSONAL.items()
        for record in records.scan(kind)
        for word in (str(record.value.get(field, "")).strip() for field in fields)
        if len(word) >= SHORTEST and word.casefold() not in ordinary
    }


def log_names_nobody(words: Mapping[str, str], events: Iterable[Event]) -> Iterator[Finding]:
    """No personal data in the log: every event's stored bytes are searched for every word."""
    spelled = [(kind, _forms(word)) for word, kind in words.items()]
    for some in batched(events, AT_ONCE):
        together = b"\n".join(event.state for event in some)
        for kind, forms in spelled:
            if any(form in together for form in forms):
                yield from _where(kind, forms, some)


def batched(events: Iterable[Event], count: int) -> Iterator[list[Event]]:
    """Lists of at most so many."""
    rest = iter(events)
    while some := list(islice(rest, count)):
        yield some


def _where(kind: str, forms: Collection[bytes], events: Iterable[Event]) -> Iterator[Finding]:
    whole = re.compile(rb"(?<![\w-])(?:" + b"|".join(map(re.escape, forms)) + rb")(?![\w-])")
    for event in events:
        if whole.search(event.state):
            yield Finding(
                "log_names_nobody",
                f"Event {event.position} (of {event.originator}) has what only a {kind} may say.",
                "The log cannot be changed: find what wrote it, and stop that first.",
            )


def _forms(word: str) -> frozenset[bytes]:
    """The word plain and escaped as in JSON."""
    return frozenset({word.encode(), json.dumps(word)[1:-1].encode()})
