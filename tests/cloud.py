"""One private embedded cloud per test session, one freshly deployed stack per test.

Other folders' conftests import the fixtures: ``from tests.cloud import aws, cloud, stack``.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from adapters.bus_sns import SnsBus
from adapters.cloud import Cloud
from adapters.objects_s3 import S3Objects
from adapters.queue_sqs import SqsQueue
from entrypoints.local.cloud import EmbeddedCloud, deploy, start

ORIGIN = "http://127.0.0.1:8000"


@dataclass(frozen=True, slots=True)
class Stack:
    """The template's resources under a prefix of their own, and our adapters to them."""

    cloud: EmbeddedCloud
    aws: Cloud
    prefix: str

    def aws_again(self) -> Cloud:
        """Clients that no other test shares."""
        return self.cloud.clients()

    @property
    def uploads(self) -> S3Objects:
        return S3Objects(self.aws.client("s3"), f"{self.prefix}-uploads")

    @property
    def files(self) -> S3Objects:
        return S3Objects(self.aws.client("s3"), f"{self.prefix}-files")

    @property
    def topic(self) -> str:
        return f"{self.prefix}-events"

    @property
    def bus(self) -> SnsBus:
        return SnsBus(self.aws.client("sns"), self.topic)

    def queue(self, name: str) -> SqsQueue:
        return SqsQueue(self.aws.client("sqs"), f"{self.prefix}-{name}")


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedCloud]:
    """An embedded cloud over HTTP on a free port of loopback, gone with the session."""
    running = start(tmp_path_factory.mktemp("cloud"))
    yield running
    running.end()


@pytest.fixture(scope="session")
def aws(cloud: EmbeddedCloud) -> Cloud:
    """The session's clients of it."""
    return cloud.aws


@pytest.fixture
def stack(cloud: EmbeddedCloud, aws: Cloud) -> Stack:
    """Topic, queues and buckets of this test alone."""
    prefix = f"t{secrets.token_hex(6)}"
    deploy(cloud, prefix, origins=[ORIGIN])
    return Stack(cloud=cloud, aws=aws, prefix=prefix)
