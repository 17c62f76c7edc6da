from collections.abc import Iterator

import pytest
import structlog

from tests.cloud import aws, cloud, stack
from tests.standins import vault

__all__ = ["aws", "cloud", "stack", "vault"]


@pytest.fixture
def quiet() -> Iterator[None]:
    """Errors are part of random lives; printing them takes longer than living them."""
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    yield
    structlog.configure(**before)
