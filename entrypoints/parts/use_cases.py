"""What the service does for people, and what its threads share, out of the parts below."""

from __future__ import annotations

from functools import cached_property
from secrets import token_urlsafe

from domain.leases import RENEW_EVERY
from entrypoints.feed import Feed
from entrypoints.job_documents import JobDocuments
from entrypoints.job_history import JobHistory
from entrypoints.job_variants import JobVariants
from entrypoints.mails.letters import Letters
from entrypoints.mails.unsent import UnsentMails
from entrypoints.parts.cold import ColdParts
from entrypoints.people import People
from entrypoints.purchases import Purchases
from entrypoints.seal import Seal
from entrypoints.submission import Submission
from entrypoints.sweeper import Sweeper
from entrypoints.uploading import Uploading
from projections.notification_book import MailBook


class UseCases(ColdParts):
    """Everything but the work of the queues."""

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

    @cached_property
    def renew_seconds(self) -> float:
        """How often a lease is renewed while its work goes on."""
        return RENEW_EVERY.total_seconds()

    @cached_property
    def served(self) -> dict[str, int]:
        """Who of the owners was served when, for all annotation threads of this process."""
        return {}

    @cached_property
    def restored(self) -> dict[str, int]:
        """The same for all restoration threads."""
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
