"""An environment for the event store on a table of its own, and the count of the shipped cases."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from entrypoints.local.cloud import EmbeddedCloud
from tests.adapters.event_store_dynamodb.events import settings_for


@pytest.fixture
def env(cloud: EmbeddedCloud) -> dict[str, str]:
    """What a project sets to use the module, on a table nobody else has."""
    return settings_for(cloud)


@pytest.fixture
def closing() -> Iterator[list[Any]]:
    """Factories to close after the test."""
    made: list[Any] = []
    yield made
    for factory in made:
        factory.close()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """How many of the library's own cases passed on this store."""
    passed = [r.nodeid for r in terminalreporter.stats.get("passed", []) if r.when == "call"]
    shipped = [nodeid for nodeid in passed if "test_shipped_suites.py" in nodeid]
    if shipped:
        faulty = sum("Faults" in nodeid for nodeid in shipped)
        terminalreporter.write_line(
            f"event store on DynamoDB: {len(shipped)} of the library's own test cases passed, "
            f"{len(shipped) - faulty} plain and {faulty} with injected faults"
        )
