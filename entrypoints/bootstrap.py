"""The only place that builds adapters and wires them. Overrides are the tests' seam."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import structlog

from domain.leases import Leases
from domain.ports import (
    Annotator,
    Bus,
    IdentityProvider,
    ObjectStore,
    Records,
    Views,
    WorkQueue,
)
from domain.service import AnnotationService
from entrypoints.feed import Feed
from entrypoints.follow import Pulse
from entrypoints.job_documents import JobDocuments
from entrypoints.people import People
from entrypoints.settings import Settings
from entrypoints.stores import STORES, Store
from entrypoints.submission import Submission, limits_of
from entrypoints.sweeper import Sweeper
from entrypoints.worker import Work
from projections.annotation import AnnotationWork
from projections.erasure import ErasureWork
from projections.job_views import View, all_views
from projections.listeners import LISTENERS

if TYPE_CHECKING:
    from adapters.cloud import Cloud

log = structlog.get_logger()
SHARED = (
    *("pulse", "service", "records", "views", "kept_views", "leases", "people", "feed"),
    *("cloud", "uploads", "files", "bus", "queues", "annotator", "submission", "jobs", "sweeper"),
)


class Gas:
    """The service, part by part; each part is built when it is first asked for.

    ``overrides`` replace parts by name.
    """

    def __init__(self, settings: Settings, **overrides: Any) -> None:
        self.settings = settings
        unknown = [name for name in overrides if not hasattr(type(self), name)]
        if unknown:
            raise TypeError(f"no such parts: {', '.join(unknown)}")
        self.__dict__.update(overrides)

    def build(self) -> None:
        """Build what threads share, before there are any: a part must not be built twice."""
        for part in SHARED:
            getattr(self, part)

    # --- state -------------------------------------------------------------------------------

    @cached_property
    def pulse(self) -> Pulse:
        return Pulse()

    @cached_property
    def store(self) -> Store:
        return STORES[self.settings.store](self.settings, lambda: self.cloud)

    @cached_property
    def service(self) -> AnnotationService:
        return AnnotationService(self.store.log, clock=self.clock, on_recorded=self.pulse.beat)

    @cached_property
    def records(self) -> Records:
        return self.store.records(lambda: self.clock().timestamp())

    @cached_property
    def views(self) -> Views:
        return self.store.views()

    @cached_property
    def kept_views(self) -> tuple[View, ...]:
        return all_views(self.service, self.views)

    @cached_property
    def leases(self) -> Leases:
        return Leases(self.records, clock=self.clock)

    def clock(self) -> datetime:
        return datetime.now(UTC)

    # --- the cloud ---------------------------------------------------------------------------

    @cached_property
    def cloud(self) -> Cloud:
        from adapters.cloud import Cloud

        return Cloud(self.settings.aws_endpoint or None)

    @cached_property
    def uploads(self) -> ObjectStore:
        return self._bucket("uploads")

    @cached_property
    def files(self) -> ObjectStore:
        return self._bucket("files")

    @cached_property
    def bus(self) -> Bus:
        from adapters.bus_sns import SnsBus

        return SnsBus(self.cloud.client("sns"), f"{self.settings.stack}-events")

    @cached_property
    def queues(self) -> Mapping[str, WorkQueue]:
        """Every work queue by its kind of work, as in LISTENERS."""
        return {name: self._queue(name) for name in LISTENERS}

    def _bucket(self, name: str) -> ObjectStore:
        from adapters.objects_s3 import S3Objects

        return S3Objects(self.cloud.client("s3"), f"{self.settings.stack}-{name}")

    def _queue(self, name: str) -> WorkQueue:
        from adapters.queue_sqs import SqsQueue

        return SqsQueue(self.cloud.client("sqs"), f"{self.settings.stack}-{name}")

    @cached_property
    def identity(self) -> IdentityProvider:
        from adapters.identity_globus import GlobusIdentity

        return GlobusIdentity(
            self.settings.globus_client_id,
            self.settings.globus_client_secret.get_secret_value(),
        )

    # --- use cases ---------------------------------------------------------------------------

    @cached_property
    def annotator(self) -> Annotator:
        from adapters.annotator_bcftools import BcftoolsAnnotator

        return BcftoolsAnnotator(self.settings.references_folder, shared=self.files)

    @cached_property
    def submission(self) -> Submission:
        return Submission(
            service=self.service,
            records=self.records,
            views=self.views,
            uploads=self.uploads,
            files=self.files,
            annotator=self.annotator,
            clock=self.clock,
        )

    @cached_property
    def jobs(self) -> JobDocuments:
        return JobDocuments(self.service, self.records, self.views, self.files)

    @cached_property
    def feed(self) -> Feed:
        return Feed(self.service, self.views)

    @cached_property
    def people(self) -> People:
        return People(self.service, self.records, self.clock)

    # --- work --------------------------------------------------------------------------------

    def work(self, queue: str, worker: str = "") -> Work:
        """What a queue's hints lead to, for one thread; ``worker`` must be its own name."""
        worker = worker or worker_name()
        return {"annotation": self._annotation, "erasure": self._erasure}[queue](worker)

    @cached_property
    def served(self) -> dict[str, int]:
        """Who of the owners was served when, for all annotation threads of this process."""
        return {}

    def _annotation(self, worker: str) -> Work:
        self.settings.scratch.mkdir(parents=True, exist_ok=True)
        return AnnotationWork(
            service=self.service,
            records=self.records,
            views=self.views,
            leases=self.leases,
            files=self.files,
            annotator=self.annotator,
            limits=lambda job: limits_of(self.service.plan_of(job.owner)),
            clock=self.clock,
            worker=worker,
            scratch=self.settings.scratch,
            on_error=_log_failing,
            served=self.served,
        )

    def _erasure(self, worker: str) -> Work:
        return ErasureWork(
            service=self.service,
            records=self.records,
            leases=self.leases,
            files=self.files,
            uploads=self.uploads,
            clock=self.clock,
            worker=worker,
        )

    @cached_property
    def sweeper(self) -> Sweeper:
        return Sweeper(self.service, self.views, self.leases, self.queues, self.clock)


def worker_name() -> str:
    """Unique for a thread of a process of a machine, also after a restart."""
    return f"{socket.gethostname()}:{os.getpid()}:{uuid4().hex[:8]}"


def _log_failing(job_id: UUID, error: Exception) -> None:
    log.error("work.failed", job=str(job_id), error=str(error), exc_info=error)
