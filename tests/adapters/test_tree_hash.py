"""The tree hash agrees with botocore's over whole files, however the file is cut into parts."""

from __future__ import annotations

import io
import random

import pytest
from botocore.utils import calculate_tree_hash

from adapters.tree_hash import LEAF_BYTES, leaves, root


@pytest.mark.parametrize(
    "size", [0, 1, LEAF_BYTES, LEAF_BYTES + 1, 3 * LEAF_BYTES, 5 * LEAF_BYTES + 7]
)
@pytest.mark.parametrize("part", [1, 2, 4])
def test_parts_hash_to_what_the_whole_does(size: int, part: int) -> None:
    data = random.Random(size).randbytes(size)
    step = part * LEAF_BYTES
    parts = [leaves(data[start : start + step]) for start in range(0, size, step)]
    expected = calculate_tree_hash(io.BytesIO(data))  # type: ignore[arg-type]
    assert root([leaf for digests in parts for leaf in digests]) == expected
