"""Checked records on their way past the engine: length-prefixed frames in a temporary file.

A pipe would need reading ahead, or the checker waits for the merge, the merge for the engine and
the engine for the checker. A frame is in the file before the engine gets its records, so whoever
holds one of the engine's answers finds the frame it belongs to.
"""

from __future__ import annotations

import marshal
import struct
from typing import BinaryIO

_LENGTH = struct.Struct(">Q")
Frame = tuple[list[bytes], list[int]]  # lines, indexes of those the engine did not get


def write_frame(to: BinaryIO, lines: list[bytes], unsent: list[int]) -> None:
    """Write one frame and push it out."""
    body = marshal.dumps((lines, unsent))
    to.write(_LENGTH.pack(len(body)))
    to.write(body)
    to.flush()


def read_frame(source: BinaryIO) -> Frame | None:
    """The next frame, or None when there is none."""
    prefix = source.read(_LENGTH.size)
    if not prefix:
        return None
    # Only the checking process writes here, in a folder made for this run.
    frame: Frame = marshal.loads(source.read(_LENGTH.unpack(prefix)[0]))  # noqa: S302
    return frame
