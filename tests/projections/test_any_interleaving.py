"""Whatever happens in whatever order, results end where their owners' plans say, whole.

``GAS_SEED`` chooses other lives; a failure names its seed and what happened.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.interleavings import life

CHUNKS = 40
LIVES = 2500 if os.environ.get("GAS_SOAK") else 250  # in each chunk
FIRST = int(os.environ.get("GAS_SEED", "0"))


@pytest.mark.kill
@pytest.mark.usefixtures("quiet")
@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_any_interleaving_ends_with_every_byte_in_its_place(chunk: int, tmp_path: Path) -> None:
    first = FIRST + chunk * LIVES
    print(f"seeds {first} to {first + LIVES - 1}")
    for seed in range(first, first + LIVES):
        life(seed, tmp_path)
