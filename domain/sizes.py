"""Sizes for people: one rule for pages, mails, API and command line.

As the plans have it, 150 KB are 153,600 bytes: every unit is 1,024 of the one before.
"""

from __future__ import annotations

UNITS = ("KB", "MB", "GB", "TB")
STEP = 1024


def size_in_words(count: int, *, space: str = " ") -> str:
    """``769 bytes``, ``1.5 KB``, ``150 KB``; ``space`` stands before the unit."""
    if count < STEP:
        return f"{count:,}{space}{'byte' if count == 1 else 'bytes'}"
    amount, unit = float(count), ""
    for unit in UNITS:  # noqa: B007 — the last one is used below
        amount /= STEP
        if round(amount, 1) < STEP:
            break
    return f"{amount:,.1f}".removesuffix(".0") + space + unit


def exact_size(count: int) -> str:
    """With the bytes where the words round: ``150 KB (153,600 bytes)``."""
    words = size_in_words(count)
    return words if count < STEP else f"{words} ({count:,} bytes)"
