"""A signal may come at any moment of a wait, also between two of its steps."""

from __future__ import annotations

import sys
from types import FrameType
from typing import Any

from entrypoints.told import Told


def test_it_can_be_set_between_any_two_lines_of_its_own_wait() -> None:
    """As a signal handler is: in the same thread, wherever that is just then."""
    for line in range(1, 12):
        told, seen = Told(), 0

        def trace(frame: FrameType, event: str, arg: Any, told: Told = told, at: int = line) -> Any:
            nonlocal seen
            seen += 1
            if seen >= at:
                told.set()
            return trace

        sys.settrace(trace)
        try:
            assert told.wait(5.0)
        finally:
            sys.settrace(None)


def test_it_waits_no_longer_than_it_should() -> None:
    assert not Told().wait(0.01)
