"""A multipart form with a file of any size, of which only a chunk is in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, BinaryIO

CHUNK = 2**18


class StreamedForm:
    """A multipart form that reads its file while it is sent; the file comes last."""

    def __init__(
        self,
        fields: Mapping[str, str],
        filename: str,
        file: BinaryIO,
        size: int,
        told: Callable[[int], None],
    ) -> None:
        from urllib3.filepost import choose_boundary, encode_multipart_formdata

        self._boundary = choose_boundary()
        marker = b"\0file\0"
        form: dict[str, Any] = {**fields, "file": (filename, marker, "application/octet-stream")}
        whole, self._type = encode_multipart_formdata(form, self._boundary)
        self._head, self._tail = whole.split(marker)
        self._file, self._size, self._told = file, size, told

    def headers(self) -> dict[str, str]:
        length = len(self._head) + self._size + len(self._tail)
        return {"Content-Type": self._type, "Content-Length": str(length)}

    def __iter__(self) -> Iterator[bytes]:
        yield self._head
        sent = 0
        while chunk := self._file.read(min(CHUNK, self._size - sent)):
            sent += len(chunk)
            yield chunk
            self._told(sent)
        if sent < self._size:
            raise OSError("The file became shorter while it was sent.")
        yield self._tail
