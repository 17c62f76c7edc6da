"""Checked records on their way past the engine: length-prefixed frames over a pipe."""

from __future__ import annotations

import marshal
import struct
import threading
from collections.abc import Iterator
from queue import SimpleQueue
from typing import BinaryIO

_LENGTH = struct.Struct(">Q")
Frame = tuple[list[bytes], list[int]]  # lines, indexes of those the engine did not get


def write_frame(to: BinaryIO, lines: list[bytes], unsent: list[int]) -> None:
    """Write one frame and push it out."""
    body = marshal.dumps((lines, unsent))
    to.write(_LENGTH.pack(len(body)))
    to.write(body)
    to.flush()


def read_frames(source: BinaryIO) -> Iterator[Frame]:
    """Frames to the end of the pipe, read ahead by a thread.

    Without reading ahead the checker would wait for us, we for the engine, the engine for the
    checker. What is held is bounded by what the engine holds back: some ten thousand records.
    """
    waiting: SimpleQueue[Frame | None] = SimpleQueue()

    def read() -> None:
        while prefix := source.read(_LENGTH.size):
            # Only our own parent writes here, over a pipe it made itself.
            waiting.put(marshal.loads(source.read(_LENGTH.unpack(prefix)[0])))  # noqa: S302
        waiting.put(None)

    threading.Thread(target=read, daemon=True).start()
    while (frame := waiting.get()) is not None:
        yield frame
