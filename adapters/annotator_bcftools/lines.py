"""Blocks of text as blocks of whole lines, with what no line may hold looked for block by block."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from domain.errors import InputRejected

BOM = b"\xef\xbb\xbf"


class Lines:
    """Yields ``(number of the first line, lines)``; a line comes without its end.

    What follows the last line end is a line of its own, unless the blocks are not ``complete``.
    Windows line ends and a byte-order mark are taken off (``crlf`` tells whether any was). Raises
    ``too_large``, ``line_too_long``, ``nul``, ``not_utf8`` and ``carriage_return``.
    """

    def __init__(
        self, blocks: Iterable[bytes], *, line_bytes: int, total_bytes: int, complete: bool = True
    ) -> None:
        self._blocks, self._complete = iter(blocks), complete
        self._line_bytes, self._total_bytes = line_bytes, total_bytes
        self._number, self._total = 1, 0
        self.crlf = False

    def __iter__(self) -> Iterator[tuple[int, list[bytes]]]:
        carry: list[bytes] = []
        held = 0
        for block in self._blocks:
            self._count(block)
            cut = block.rfind(b"\n") + 1
            if cut:
                yield self._lines(b"".join((*carry, block[:cut])))
                carry, held = [], 0
            if cut < len(block):
                carry.append(block[cut:])
                held += len(block) - cut
                self._hold(block[cut:], held)
        if carry and self._complete:
            yield self._lines(b"".join(carry) + b"\n")

    def _count(self, block: bytes) -> None:
        self._total += len(block)
        if self._total > self._total_bytes:
            raise InputRejected("too_large", facts={"limit": self._total_bytes})

    def _hold(self, rest: bytes, held: int) -> None:
        """The beginning of a line: it may not be too long, nor hold a NUL."""
        if b"\0" in rest:
            raise InputRejected("nul", line=self._number)
        self._not_too_long(held, self._number)

    def _not_too_long(self, length: int, number: int) -> None:
        if length > self._line_bytes:
            raise InputRejected("line_too_long", line=number, facts={"bytes": self._line_bytes})

    def _lines(self, text: bytes) -> tuple[int, list[bytes]]:
        first = self._number
        if first == 1 and text.startswith(BOM):
            text = text[len(BOM) :]
        self._refuse_bad_bytes(text, first)
        if b"\r" in text:
            text = self._without_returns(text, first)
        lines = text.split(b"\n")
        lines.pop()
        if len(text) > self._line_bytes and len(max(lines, key=len)) > self._line_bytes:
            long = next(i for i, line in enumerate(lines) if len(line) > self._line_bytes)
            self._not_too_long(len(lines[long]), first + long)
        self._number += len(lines)
        return first, lines

    def _refuse_bad_bytes(self, text: bytes, first: int) -> None:
        if (at := text.find(b"\0")) >= 0:
            raise _at("nul", text, at, first)
        if not text.isascii():
            try:
                text.decode()
            except UnicodeDecodeError as error:
                raise _at("not_utf8", text, error.start, first) from error

    def _without_returns(self, text: bytes, first: int) -> bytes:
        self.crlf = True
        text = text.replace(b"\r\n", b"\n")
        if (at := text.find(b"\r")) >= 0:
            raise _at("carriage_return", text, at, first)
        return text


def _at(code: str, text: bytes, at: int, first: int) -> InputRejected:
    """A rejection with its line, and as column the number of the tab-separated field."""
    start = text.rfind(b"\n", 0, at) + 1
    line, column = first + text.count(b"\n", 0, at), text.count(b"\t", start, at) + 1
    return InputRejected(code, line=line, column=column)


def refuse_line(number: int, line: bytes, *, tabs: int) -> None:
    """Say what is wrong with a line that is no record of the right width. Raises InputRejected."""
    fields = line.split(b"\t")
    if line.startswith(b"#"):
        raise InputRejected("header_in_body", line=number)
    if len(fields) < 8:
        code = "spaces" if len(line.split()) >= 8 else "too_few_columns"
        raise InputRejected(code, line=number, facts={"columns": len(fields)})
    if not fields[1].isdigit() or len(fields[1]) > 18:
        raise InputRejected("position", line=number, column=2)
    facts: dict[str, str | int] = {"columns": len(fields), "expected": tabs + 1}
    raise InputRejected("column_count", line=number, facts=facts)
