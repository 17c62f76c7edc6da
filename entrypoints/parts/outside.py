"""Parts behind an interface of somebody else's: buckets, queues, payment, mail, identity."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING

from domain.ports import Annotator, Bus, IdentityProvider, ObjectStore, VariantTables, WorkQueue
from domain.ports.billing import Billing
from domain.ports.mails import Mailer
from entrypoints.parts.state import StateParts
from projections.listeners import LISTENERS

if TYPE_CHECKING:
    from adapters.push_sns import SnsPushes

TOPICS = ("events", "retrievals")


class OutsideParts(StateParts):
    """Adapters are imported when they are first needed: starting must not wait for boto3."""

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

    @cached_property
    def annotator(self) -> Annotator:
        from adapters.annotator_bcftools import BcftoolsAnnotator

        return BcftoolsAnnotator(self.settings.references_folder, shared=self.files)

    @cached_property
    def variant_tables(self) -> VariantTables:
        from adapters.variants_duckdb import DuckDbTables

        return DuckDbTables(self.files, self.settings.tables_folder, room=self.settings.table_cache)
