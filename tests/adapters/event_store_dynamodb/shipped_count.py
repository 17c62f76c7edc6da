"""The count of the shipped cases. `tests/conftest.py` exports it: under xdist the process that
prints loads no other conftest."""

from __future__ import annotations

import pytest


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
