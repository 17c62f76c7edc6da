"""The only place that builds adapters and wires them. Overrides are the tests' seam."""

from __future__ import annotations

import os
import socket
from functools import cached_property
from secrets import token_urlsafe
from typing import Any
from uuid import uuid4

from domain.leases import RENEW_EVERY
from entrypoints.feed import Feed
from entrypoints.job_documents import JobDocuments
from entrypoints.job_history import JobHistory
from entrypoints.job_variants import JobVariants
from entrypoints.mails.letters import Letters
from entrypoints.mails.unsent import UnsentMails
from entrypoints.parts.cold import ColdParts
from entrypoints.parts.works import WORKS
from entrypoints.people import People
from entrypoints.purchases import Purchases
from entrypoints.seal import Seal
from entrypoints.settings import Settings
from entrypoints.submission import Submission
from entrypoints.sweeper import Sweeper
from entrypoints.uploading import Uploading
from entrypoints.worker import Work
from projections.notification_book import MailBook

SHARED = (
    *("pulse", "service", "records", "views", "kept_views", "leases", "people", "feed"),
    *(
        "cloud",
        "uploads",
        "files",
        "bus",
        "queues",
        "annotator",
        "uploading",
        "submission",
        "jobs",
        "history",
        "variants",
        "sweeper",
    ),
    *("policy", "outlook", "archive", "timer", "billing", "purchases"),
    *("mailer", "mail_book", "letters"),
)


class Gas(ColdParts):
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

    # --- use cases ---------------------------------------------------------------------------

    @cached_property
    def uploading(self) -> Uploading:
        return Uploading(self.service, self.records, self.uploads, self.clock)

    @cached_property
    def submission(self) -> Submission:
        return Submission(
            service=self.service,
            records=self.records,
            views=self.views,
            uploading=self.uploading,
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
    def history(self) -> JobHistory:
        return JobHistory(self.service, self.feed)

    @cached_property
    def variants(self) -> JobVariants:
        return JobVariants(self.jobs, self.variant_tables)

    @cached_property
    def purchases(self) -> Purchases:
        return Purchases(self.service, self.people, self.billing)

    @cached_property
    def people(self) -> People:
        secret = self.settings.secret.get_secret_value()
        seal = Seal(secret or token_urlsafe())  # without one it lives as long as the process
        return People(self.service, self.records, self.clock, seal)

    # --- work --------------------------------------------------------------------------------

    def work(self, queue: str, worker: str = "") -> Work:
        """What a queue's hints lead to, for one thread; ``worker`` must be its own name."""
        return WORKS[queue](self, worker or worker_name())

    @cached_property
    def renew_seconds(self) -> float:
        """How often a lease is renewed while its work goes on."""
        return RENEW_EVERY.total_seconds()

    @cached_property
    def served(self) -> dict[str, int]:
        """Who of the owners was served when, for all annotation threads of this process."""
        return {}

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


def worker_name() -> str:
    """Unique for a thread of a process of a machine, also after a restart."""
    return f"{socket.gethostname()}:{os.getpid()}:{uuid4().hex[:8]}"
