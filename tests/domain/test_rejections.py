"""The tables of refusals: complete, stable, and the documentation says the same."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from domain.errors import InputRejected
from domain.rejections import INPUT, REJECTIONS, SKIPPED, as_page, sentence, skip_reason

ROOT = Path(__file__).parents[2]


def _codes_in(folder: str) -> set[str]:
    """Codes that the code raises, as literals."""
    found: set[str] = set()
    for path in (ROOT / folder).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            name = getattr(getattr(node, "func", None), "id", "")
            if name in ("InputRejected", "EngineDied", "EngineFailed"):
                first = node.args[0] if isinstance(node, ast.Call) and node.args else None
                if isinstance(first, ast.Constant) and isinstance(first.value, str):
                    found.add(first.value)
    return found


def test_every_code_that_is_raised_has_a_sentence() -> None:
    raised = _codes_in("adapters") | _codes_in("projections") | _codes_in("entrypoints")
    assert len(raised) > 30
    assert raised <= set(REJECTIONS)


def test_the_documentation_is_the_table() -> None:
    page = ROOT / "entrypoints" / "web" / "docs" / "rejections.md"
    assert page.read_text() == as_page(), "write it again with domain.rejections.as_page()"


@pytest.mark.parametrize("code", INPUT)
def test_a_sentence_says_what_to_do(code: str) -> None:
    assert len(re.findall(r"[.:!}]( |$)", INPUT[code])) >= 2, "what is wrong, and what to do"


def test_place_and_numbers_are_written_for_people() -> None:
    error = InputRejected("line_too_long", line=1204, facts={"bytes": 1048576})
    assert str(error).startswith("Line 1204: The line is longer than 1,048,576 bytes.")
    with_column = sentence("position_zero", line=5, column=2)
    assert with_column.startswith("Line 5, column 2: The position is 0")


def test_an_older_event_without_a_fact_and_a_newer_code_still_read_well() -> None:
    assert sentence("line_too_long", line=3).startswith("Line 3: The line is longer than … bytes")
    assert sentence("of_tomorrow", line=3) == (
        "Line 3: The annotation failed (of_tomorrow). Open the log for details."
    )
    assert skip_reason("wrong_ref") == SKIPPED["wrong_ref"]
