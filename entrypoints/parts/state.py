"""Parts that hold state: log, records, views, and what is decided from them."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING

from domain.leases import Leases
from domain.outlook import Outlook
from domain.plans import Policy
from domain.ports import Records, Views
from domain.service import AnnotationService
from entrypoints.follow import Pulse
from entrypoints.settings import Settings
from entrypoints.stores import STORES, Store
from projections.job_views import View, all_views

if TYPE_CHECKING:
    from adapters.cloud import Cloud


class StateParts:
    """Each part is built when it is first asked for."""

    settings: Settings

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
