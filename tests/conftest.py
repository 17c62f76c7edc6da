"""What every test stands on."""

from __future__ import annotations

import logging
import os

import structlog
from hypothesis import HealthCheck, settings

from tests.adapters.event_store_dynamodb.shipped_count import pytest_terminal_summary

__all__ = ["SOAK", "pytest_terminal_summary"]

SOAK = bool(os.environ.get("GAS_SOAK"))

settings.register_profile(
    "gas",
    print_blob=True,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
settings.load_profile("gas")

# logs belong to the test that wrote them, and plain text is quicker than drawn tracebacks
structlog.configure(
    processors=[structlog.processors.format_exc_info, structlog.processors.JSONRenderer()],
    logger_factory=structlog.stdlib.LoggerFactory(),
    wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
)
