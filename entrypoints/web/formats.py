"""How numbers and times are written on the pages."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from markupsafe import Markup, escape

from domain.rejections import skip_reason
from domain.sizes import exact_size, size_in_words

NOTHING = "\N{EN DASH}"
NBSP = "\N{NO-BREAK SPACE}"


def size(count: int | None) -> str:
    """Bytes for people, as everywhere (``domain.sizes``)."""
    return NOTHING if count is None else size_in_words(count, space=NBSP)


def count(number: int) -> str:
    """A number with its thousands apart."""
    return f"{number:,}"


def duration(seconds: float | None) -> str:
    """A span for people: ``0.4 s``, ``12 s``, ``3 min 5 s``, ``2 h 10 min``."""
    if seconds is None:
        return NOTHING
    if seconds < 10:
        return f"{seconds:.1f}{NBSP}s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes == 0:
        return f"{rest}{NBSP}s"
    hours, minutes = divmod(minutes, 60)
    if hours == 0:
        return f"{minutes}{NBSP}min {rest}{NBSP}s"
    return f"{hours}{NBSP}h {minutes}{NBSP}min"


def between(start: str | None, end: str | None) -> float | None:
    """Seconds from one ISO time to another; None while either is unknown."""
    if not start or not end:
        return None
    return (datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds()


def moment(time: str | datetime | None) -> Markup:
    """A time in UTC; a small script turns it to the reader's zone and keeps UTC on hover."""
    if not time:
        return Markup(NOTHING)  # noqa: S704
    found = time if isinstance(time, datetime) else datetime.fromisoformat(time)
    utc = found.astimezone(UTC)
    shown = f"{utc.day} {utc:%b %Y, %H:%M:%S} UTC"
    return Markup('<time datetime="{0}" title="{1}">{1}</time>').format(
        f"{utc:%Y-%m-%dT%H:%M:%SZ}", escape(shown)
    )


def countdown(time: str) -> Markup:
    """A time that is ahead, as ``moment``; a small script counts down to it instead."""
    return Markup(str(moment(time)).replace("<time ", "<time data-countdown ", 1))  # noqa: S704


def span(time: timedelta) -> str:
    """A whole span in words: ``5 minutes``, ``14 days``, ``90 seconds``."""
    seconds = round(time.total_seconds())
    for unit, one in (("day", 86400), ("hour", 3600), ("minute", 60), ("second", 1)):  # noqa: B007
        number, rest = divmod(seconds, one)
        if number and not rest:
            break
    return f"{number}{NBSP}{unit}{'' if number == 1 else 's'}"


def share(part: int, whole: int) -> float:
    """Per cent of the whole, one decimal; nothing of nothing is nothing."""
    return round(100 * part / whole, 1) if whole else 0.0


def words(term: str) -> str:
    """A term as words: ``stop_gained`` is "stop gained", ``HIGH`` is "High"."""
    plain = term.replace("_prime", "\N{PRIME}").replace("_", " ").replace("&", " & ")
    return plain.capitalize() if term.isupper() else plain.replace("utr", "UTR")


def prose(sentence: object) -> Markup:
    """A sentence with its `commands` set as code."""
    parts = str(sentence).split("`")
    return Markup("").join(
        Markup("<code>{}</code>").format(part) if i % 2 and i < len(parts) - 1 else part
        for i, part in enumerate(parts)
    )


FILTERS: dict[str, Callable[..., Any]] = {
    "size": size,
    "exact_size": exact_size,
    "count": count,
    "duration": duration,
    "countdown": countdown,
    "moment": moment,
    "prose": prose,
    "skip_reason": skip_reason,
    "span": span,
    "words": words,
}
