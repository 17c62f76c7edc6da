"""The INFO column: keys that no tool can read, and values of another type than declared.

Looked at in a file's first records: nothing here reads INFO, so a wrong value harms no annotation.
Other tools take it for missing, and whoever made the file wants to know. A key that htslib cannot
read ends the run after all; then the whole file is looked through for its line.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from adapters.annotator_bcftools.columns import remember
from domain.errors import InputRejected

LOOKED_AT = 10_000  # records; a wrong declaration shows in the first ones
_DECLARED = re.compile(rb"##INFO=<.*?\bID=([^,>]+).*?\bType=(Integer|Float)\b")
# htslib declares an undeclared key itself, in a header line, and cannot with one of these.
_UNREADABLE = re.compile(rb'\A["\[ ]|[,<>]| \Z')
_PARSE: dict[bytes, Callable[[bytes], object]] = {b"Integer": int, b"Float": float}


class InfoColumn:
    """``found``: tag -> (declared type, line of the first value of another type)."""

    def __init__(self, meta: Sequence[bytes], *, records: int = LOOKED_AT) -> None:
        declared = (found for line in meta if (found := _DECLARED.match(line)))
        self._types = {match[1]: match[2] for match in declared}
        self._left = records
        self._keys: set[bytes] = set()
        self.found: dict[str, tuple[str, int]] = {}

    def look(self, numbers: Sequence[int], lines: Sequence[bytes]) -> None:
        """Look at more records, unless enough were. Raises InputRejected ``info_key``."""
        if not self._left:
            return
        for number, line in zip(numbers[: self._left], lines[: self._left], strict=True):
            for entry in line.split(b"\t", 8)[7].split(b";"):
                self._look_at(number, entry)
        self._left -= min(self._left, len(lines))

    def _look_at(self, number: int, entry: bytes) -> None:
        tag, _, values = entry.partition(b"=")
        if tag not in self._keys:
            if _UNREADABLE.search(tag):
                raise InputRejected("info_key", line=number, column=8)
            remember(self._keys, tag)
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
