"""AnnotationService: every use case, and the only writer of events."""

from __future__ import annotations

from domain.account_commands import AccountCommands
from domain.commands import Recorded, replay
from domain.job_commands import JobCommands, job_id_for
from domain.subscription_commands import SubscriptionCommands

__all__ = ["AnnotationService", "Recorded", "job_id_for", "replay"]


class AnnotationService(JobCommands, AccountCommands, SubscriptionCommands):
    """Decides and records. Callers say who acts with ``domain.context.acting``."""

    name = "gas"
