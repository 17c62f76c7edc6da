"""Glacier's tree hash: SHA-256 over pairs of SHA-256s over mebibytes.

As in "Computing checksums" of the Amazon Glacier developer guide; botocore has it for one file, but
not for the parts of a stream.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256

LEAF_BYTES = 2**20


def leaves(data: bytes) -> list[bytes]:
    """Digests of the mebibytes of one part; only the last part may end within one."""
    starts = range(0, len(data), LEAF_BYTES)
    return [sha256(data[start : start + LEAF_BYTES]).digest() for start in starts]


def root(digests: Sequence[bytes]) -> str:
    """The tree hash in hex over the leaves of the whole, in order."""
    level = list(digests) or [sha256(b"").digest()]
    while len(level) > 1:
        pairs = [level[n : n + 2] for n in range(0, len(level), 2)]
        level = [sha256(b"".join(pair)).digest() if len(pair) == 2 else pair[0] for pair in pairs]
    return level[0].hex()
