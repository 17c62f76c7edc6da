"""Process logs say what went wrong, and nothing about whose file it was."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
import structlog
from entrypoints.logs import configure

def fail(filename, authorization):
    raise OSError("the store is gone")

configure("web")
try:
    fail("NARWHAL.vcf", "Bearer NARWHAL")
except OSError as error:
    structlog.get_logger().error("request.failed", exc_info=error)
"""


def test_a_failures_trace_has_no_values_of_variables() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True
    )
    assert "the store is gone" in done.stderr
    assert '"name": "fail"' in done.stderr
    assert "NARWHAL" not in done.stderr
