"""Pages of a service that sells its premium plan, and what its storage workers do."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from uuid import UUID

import pytest

from domain.job import Job
from entrypoints.local.cloud import EmbeddedCloud
from entrypoints.settings import Settings
from tests.entrypoints.paying import PRICE, Cashier
from tests.entrypoints.web.conftest import Site
from tests.standins import STRIPE_KEY, WEBHOOK_SECRET, StripeStandIn, stripe

__all__ = ["attend", "cashier", "settings", "stripe"]


@pytest.fixture
def cashier(stripe: Callable[[], StripeStandIn]) -> Cashier:
    return Cashier(stripe())


@pytest.fixture
def settings(
    tmp_path: Path, cloud: EmbeddedCloud, bucket_prefix: str, cashier: Cashier
) -> Settings:
    """As for all pages, with a provider for payments; results are archived at once."""
    return Settings(
        data_dir=tmp_path,
        local=True,
        secret="for these tests only",
        stack=bucket_prefix,
        aws_endpoint=cloud.endpoint,
        free_retention=0,
        stripe_url=cashier.stand.url,
        stripe_key=STRIPE_KEY,
        stripe_price=PRICE,
        stripe_webhook_secret=WEBHOOK_SECRET,
    )


def attend(site: Site, job_id: UUID, *queues: str) -> Job:
    """What the workers of these queues do about a job, in turn."""
    for queue in queues:
        site.keep_views()
        site.gas.work(queue).attend(job_id, at_least=0, stopping=lambda: False)
    site.keep_views()
    return site.gas.service.job(job_id)
