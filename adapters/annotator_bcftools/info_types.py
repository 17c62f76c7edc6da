"""Whether INFO values are of the types the header declares, looked at in a file's first records.

Nothing here reads INFO, so a wrong value harms no annotation; other tools take it for missing, and
whoever made the file wants to know.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

LOOKED_AT = 10_000  # records; a wrong declaration shows in the first ones
_DECLARED = re.compile(rb"##INFO=<.*?\bID=([^,>]+).*?\bType=(Integer|Float)\b")
_PARSE: dict[bytes, Callable[[bytes], object]] = {b"Integer": int, b"Float": float}


class InfoTypes:
    """``found``: tag -> (declared type, line of the first value of another type)."""

    def __init__(self, meta: Sequence[bytes]) -> None:
        declared = (found for line in meta if (found := _DECLARED.match(line)))
        self._types = {match[1]: match[2] for match in declared}
        self._left = LOOKED_AT if self._types else 0
        self.found: dict[str, tuple[str, int]] = {}

    def look(self, numbers: Sequence[int], lines: Sequence[bytes]) -> None:
        """Look at more records, unless enough were."""
        if not self._left:
            return
        for number, line in zip(numbers[: self._left], lines[: self._left], strict=True):
            info = line.split(b"\t", 8)[7]
            for entry in info.split(b";"):
                self._look_at(number, entry)
        self._left -= min(self._left, len(lines))

    def _look_at(self, number: int, entry: bytes) -> None:
        tag, _, values = entry.partition(b"=")
        kind = self._types.get(tag)
        if kind is not None and not _all_are(kind, values):
            self.found.setdefault(tag.decode(), (kind.decode(), number))


def _all_are(kind: bytes, values: bytes) -> bool:
    try:
        for value in values.split(b","):
            if value != b".":
                _PARSE[kind](value)
    except ValueError:
        return False
    return True
