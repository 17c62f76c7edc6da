"""The only place that builds adapters and wires them. Overrides are the tests' seam."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import structlog

from domain.due import Step
from domain.job import Job
from domain.leases import RENEW_EVERY, Leases
from domain.outlook import Outlook
from domain.plans import Policy
from domain.ports import (
    Annotator,
    Archive,
    Bus,
    IdentityProvider,
    ObjectStore,
    Records,
    Views,
    WorkQueue,
)
from domain.ports.billing import Billing
from domain.ports.mails import Mailer
from domain.ports.timers import Timer
from domain.service import AnnotationService
from entrypoints.archives import Archives
from entrypoints.feed import Feed
from entrypoints.follow import Pulse
from entrypoints.job_documents import JobDocuments
from entrypoints.mails.letters import Letters
from entrypoints.mails.unsent import UnsentMails
from entrypoints.people import People
from entrypoints.purchases import Purchases
from entrypoints.settings import Settings
from entrypoints.stores import STORES, Store
from entrypoints.submission import Submission, limits_of
from entrypoints.sweeper import Sweeper
from entrypoints.worker import Hint, Work
from projections.annotation import AnnotationWork
from projections.archiving import Archiving
from projections.erasure import ErasureWork
from projections.handing_over import HandOver
from projections.job_views import View, all_views
from projections.listeners import LISTENERS, QUEUE_OF
from projections.notification import NotificationWork
from projections.notification_book import SENT, Entry, MailBook
from projections.restoring import Restoring
from projections.storage import StorageWork

if TYPE_CHECKING:
    from adapters.archive_glacier_vault import GlacierVaultArchive
    from adapters.cloud import Cloud
    from adapters.push_sns import SnsPushes

log = structlog.get_logger()
SHARED = (
    *("pulse", "service", "records", "views", "kept_views", "leases", "people", "feed"),
    *("cloud", "uploads", "files", "bus", "queues", "annotator", "submission", "jobs", "sweeper"),
    *("policy", "outlook", "archive", "timer", "billing", "purchases"),
    *("mailer", "mail_book", "letters"),
)
TOPICS = ("events", "retrievals")


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
        return all_views(self.service, self.views, self.policy)

    @cached_property
    def leases(self) -> Leases:
        return Leases(self.records, clock=self.clock)

    @cached_property
    def policy(self) -> Policy:
        return self.settings.policy

    @cached_property
    def outlook(self) -> Outlook:
        return Outlook(self.service, self.leases, self.records, self.policy, self.clock)

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
    def pushes(self) -> SnsPushes:
        """What checks that SNS pushed for a topic of this stack."""
        from adapters.bus_sns import topic_arn
        from adapters.push_sns import SnsPushes

        sns = self.cloud.client("sns")
        topics = [topic_arn(sns, f"{self.settings.stack}-{name}") for name in TOPICS]
        return SnsPushes(topics, now=self.clock)

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

    @cached_property
    def archive(self) -> Archive:
        makers: dict[str, Callable[[], Archive]] = {
            "s3_glacier": lambda: _s3_glacier(self),
            "glacier_vault": lambda: self.vault,
        }
        return Archives(self.settings.archive, makers)

    @cached_property
    def vault(self) -> GlacierVaultArchive:
        return _glacier_vault(self)

    @cached_property
    def timer(self) -> Timer:
        return TIMERS[self.settings.retention_timer](self)

    @cached_property
    def billing(self) -> Billing:
        from adapters.billing_stripe import StripeBilling

        return StripeBilling(
            self.settings.stripe_key.get_secret_value(),
            price=self.settings.stripe_price,
            webhook_secrets=self.settings.stripe_webhook_secrets,
            base_url=self.settings.stripe_url or None,
        )

    @cached_property
    def mailer(self) -> Mailer | None:
        """None where no address is set for mails to come from."""
        from adapters.mail_ses import SesMailer

        sender = self.settings.mail_from
        return SesMailer(self.cloud.client("sesv2", attempts=1), sender) if sender else None

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
    def purchases(self) -> Purchases:
        return Purchases(self.service, self.people, self.billing, self.clock)

    @cached_property
    def people(self) -> People:
        return People(self.service, self.records, self.clock)

    # --- work --------------------------------------------------------------------------------

    def work(self, queue: str, worker: str = "") -> Work:
        """What a queue's hints lead to, for one thread; ``worker`` must be its own name."""
        worker = worker or worker_name()
        works: dict[str, Callable[[str], Work]] = {
            "annotation": self._annotation,
            "archival": self._archival,
            "restoration": self._restoration,
            "erasure": self._erasure,
            "notification": self._notification,
        }
        return works[queue](worker)

    @cached_property
    def renew_seconds(self) -> float:
        """How often a lease is renewed while its work goes on."""
        return RENEW_EVERY.total_seconds()

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
            outlook=self.outlook,
            hand_over=self._hand_over,
            worker=worker,
            scratch=self.settings.scratch,
            on_error=_log_failing,
            served=self.served,
            renew_seconds=self.renew_seconds,
        )

    @property
    def _hand_over(self) -> HandOver:
        return HandOver(
            self.outlook,
            lambda step, job_id: self.queues[QUEUE_OF[step]].send(Hint(job_id, 0).body()),
        )

    def _erasure(self, worker: str) -> Work:
        return ErasureWork(
            service=self.service,
            records=self.records,
            outlook=self.outlook,
            archive=self.archive,
            files=self.files,
            uploads=self.uploads,
            worker=worker,
        )

    def _archival(self, worker: str) -> Work:
        work = Archiving(self.service, self.files, self.archive, self.outlook)
        return self._storage(worker, work.steps)

    def _restoration(self, worker: str) -> Work:
        work = Restoring(self.service, self.archive, self.outlook)
        return self._storage(worker, work.steps)

    def _storage(self, worker: str, steps: Mapping[Step, Callable[[Job], None]]) -> Work:
        return StorageWork(
            service=self.service,
            records=self.records,
            views=self.views,
            leases=self.leases,
            outlook=self.outlook,
            steps=steps,
            arm=lambda job_id, at: self.timer.schedule(Hint(job_id, 0).body(), at=at),
            hand_over=self._hand_over,
            worker=worker,
            on_error=_log_failing,
            renew_seconds=self.renew_seconds,
        )

    def _notification(self, worker: str) -> Work:
        return NotificationWork(
            service=self.service,
            book=self.mail_book,
            policy=self.policy,
            mailer=self.mailer,
            address_of=lambda user: str(self.people.profile(user)["email"]),
            compose=self.letters.compose,
            clock=self.clock,
            on_outcome=_log_mail,
        )

    @cached_property
    def mail_book(self) -> MailBook:
        return MailBook(self.records, self.clock)

    @cached_property
    def letters(self) -> Letters:
        return Letters(self.records, self.settings.address)

    def unsent_mails(self) -> UnsentMails:
        """For one thread."""
        queue = self.queues["notification"]
        return UnsentMails(self.service, self.records, self.mail_book, queue, self.clock)

    @cached_property
    def sweeper(self) -> Sweeper:
        return Sweeper(self.service, self.views, self.outlook, self.queues, self.clock)


def _s3_glacier(gas: Gas) -> Archive:
    from adapters.archive_s3_glacier import S3GlacierArchive

    return S3GlacierArchive(
        gas.cloud.client("s3", attempts=1),
        f"{gas.settings.stack}-files",
        storage_class=gas.settings.archive_class,
        now=gas.clock,
    )


def _glacier_vault(gas: Gas) -> GlacierVaultArchive:
    from adapters.archive_glacier_vault import GlacierVaultArchive
    from adapters.bus_sns import topic_arn

    url = gas.settings.vault_url
    vault = gas.cloud.at(url) if url else gas.cloud
    return GlacierVaultArchive(
        vault.client("glacier", attempts=1),
        f"{gas.settings.stack}-results",
        gas.files,
        now=gas.clock,
        topic_arn=cache(
            lambda: topic_arn(gas.cloud.client("sns"), f"{gas.settings.stack}-retrievals")
        ),
        scratch=gas.settings.scratch,
    )


def _sqs_delay(gas: Gas) -> Timer:
    from adapters.timer_sqs import SqsTimer

    return SqsTimer(gas.queues["archival"], now=gas.clock)


def _step_functions(gas: Gas) -> Timer:
    from adapters.queue_sqs import SqsQueue
    from adapters.timer_step_functions import StepFunctionsTimer

    queue = SqsQueue(gas.cloud.client("sqs"), f"{gas.settings.stack}-archival")
    machine = f"{gas.settings.stack}-timer"
    return StepFunctionsTimer(gas.cloud.client("stepfunctions"), machine, queue)


TIMERS: dict[str, Callable[[Gas], Timer]] = {
    "sqs_delay": _sqs_delay,
    "step_functions": _step_functions,
}


def worker_name() -> str:
    """Unique for a thread of a process of a machine, also after a restart."""
    return f"{socket.gethostname()}:{os.getpid()}:{uuid4().hex[:8]}"


def _log_failing(job_id: UUID, error: Exception) -> None:
    log.error("work.failed", job=str(job_id), error=str(error), exc_info=error)


def _log_mail(entry: Entry) -> None:
    say = log.info if entry.state == SENT else log.warning
    say(f"mail.{entry.state}", kind=entry.kind, of=str(entry.aggregate_id), detail=entry.detail)
