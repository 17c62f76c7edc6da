"""AnnotationService: one method per use case, and the only writer of events."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar
from uuid import NAMESPACE_URL, UUID, uuid5

from eventsourcing.application import AggregateNotFoundError, Application
from eventsourcing.persistence import IntegrityError, Recording
from eventsourcing.utils import EnvType

from domain.account import Account
from domain.context import at
from domain.errors import NotFound, NotSeenYet, VersionMismatch
from domain.job import Job
from domain.job_events import Failure, FileRef, InputRef, Outcome
from domain.plans import OVERDUE_LASTS, PLANS, Plan
from domain.ports.billing import Checkout, PaidSubscription
from domain.stored_job import StoredJob
from domain.subscription import NEVER_PAID, Standing, Subscription, subscription_id_of

COMMAND_TRIES = 10  # how often a command is decided again when a rival wrote first

A = TypeVar("A", Job, Account, Subscription)


@dataclass(frozen=True, slots=True)
class Recorded(Generic[A]):
    """A command's outcome; ``position`` is its last event's in the log, 0 if nothing changed."""

    aggregate: A
    position: int


def job_id_for(owner: UUID, upload_id: str) -> UUID:
    """One upload is one job: submitting it again, from any page or retry, finds the same job.

    The owner is part of it, so whoever learns of another's upload gets a job of their own.
    """
    return uuid5(NAMESPACE_URL, f"gas:upload:{owner}:{upload_id}")


class AnnotationService(Application[UUID]):
    """Decides and records. Callers say who acts with ``domain.context.acting``."""

    name = "gas"

    def __init__(
        self,
        env: EnvType,
        *,
        clock: Callable[[], datetime],
        on_recorded: Callable[[], None] = lambda: None,
    ) -> None:
        """``env`` chooses the library's persistence module; ``on_recorded`` wakes followers."""
        super().__init__(env)
        self.clock = clock
        self._on_recorded = on_recorded

    def _notify(self, recordings: list[Recording[UUID]]) -> None:
        if recordings:
            self._on_recorded()

    # --- jobs --------------------------------------------------------------------------------

    def submit_job(
        self,
        *,
        job_id: UUID,
        owner: UUID,
        input: InputRef,
        reference: str,
        options: dict[str, Any],
    ) -> Recorded[Job]:
        """Accept a job; the same id again is the same job and changes nothing.

        ``NotFound`` when the id is another owner's.
        """
        with at(self.clock()):
            job = Job.submit(job_id, owner=owner, input=input, reference=reference, options=options)
            try:
                return Recorded(job, _position(self.save(job)))
            except IntegrityError:
                return Recorded(self.job(job_id, owner=owner), 0)

    def start_annotation(
        self, job_id: UUID, *, attempt: int, worker: str, provenance: dict[str, Any]
    ) -> Recorded[Job]:
        return self._change_job(
            job_id,
            lambda job: job.start_annotation(attempt=attempt, worker=worker, provenance=provenance),
        )

    def record_annotation(self, job_id: UUID, *, attempt: int, outcome: Outcome) -> Recorded[Job]:
        return self._change_job(
            job_id, lambda job: job.complete_annotation(attempt=attempt, outcome=outcome)
        )

    def record_failure(
        self,
        job_id: UUID,
        *,
        attempt: int,
        failure: Failure,
        log: FileRef | None,
        final: bool,
    ) -> Recorded[Job]:
        return self._change_job(
            job_id,
            lambda job: job.fail_annotation(attempt=attempt, failure=failure, log=log, final=final),
        )

    def cancel_job(
        self, job_id: UUID, *, owner: UUID, reason: str = "asked", if_version: int | None = None
    ) -> Recorded[Job]:
        """Stop a job; ``VersionMismatch`` unless it is at ``if_version``, where one is given."""
        return self._change_job(
            job_id, lambda job: job.cancel(reason=reason), owner=owner, if_version=if_version
        )

    def request_deletion(
        self, job_id: UUID, *, owner: UUID, if_version: int | None = None
    ) -> Recorded[Job]:
        """Have a job removed; ``VersionMismatch`` as in ``cancel_job``."""
        return self._change_job(
            job_id,
            lambda job: job.request_deletion(reason="asked"),
            owner=owner,
            if_version=if_version,
        )

    def record_deletion(self, job_id: UUID, *, removed: dict[str, int]) -> Recorded[Job]:
        return self._change_job(job_id, lambda job: job.record_deletion(removed=removed))

    def store_result(self, job_id: UUID, move: Callable[[StoredJob], None]) -> Recorded[Job]:
        """One of ``StoredJob``'s commands; what it refuses is raised."""
        return self._change_job(job_id, move)

    def job(
        self,
        job_id: UUID,
        *,
        owner: UUID | None = None,
        at_least: int = 0,
        version: int | None = None,
    ) -> Job:
        """The job as it stands, or as it stood at a version.

        ``NotFound`` when there is none or ``owner`` is somebody else; ``NotSeenYet`` when fewer
        than ``at_least`` versions can be read.
        """
        try:
            job: Job = self._load(job_id, version)
        except AggregateNotFoundError:
            if at_least:
                raise NotSeenYet(f"Job {job_id} cannot be read yet.") from None
            raise NotFound(f"There is no job {job_id}.") from None
        if not isinstance(job, Job) or (owner is not None and job.owner != owner):
            raise NotFound(f"There is no job {job_id}.")
        if job.version < at_least:
            raise NotSeenYet(f"Job {job_id}: version {job.version} of {at_least} can be read.")
        return job

    # --- accounts ----------------------------------------------------------------------------

    def open_account(self, user: UUID) -> Recorded[Account]:
        """Open the account of a user; opening it again changes nothing."""
        with at(self.clock()):
            account = Account.open(user)
            try:
                return Recorded(account, _position(self.save(account)))
            except IntegrityError:
                return Recorded(self.account(user), 0)

    def account(self, user: UUID) -> Account:
        """The account of a user; ``NotFound`` when none was opened."""
        try:
            account: Account = self._load(user)
        except AggregateNotFoundError:
            raise NotFound("There is no such account.") from None
        if not isinstance(account, Account):
            raise NotFound("There is no such account.")
        return account

    def grant_role(self, user: UUID, role: str) -> Recorded[Account]:
        return self._change_account(user, lambda account: account.grant_role(role))

    def revoke_role(self, user: UUID, role: str) -> Recorded[Account]:
        return self._change_account(user, lambda account: account.revoke_role(role))

    def create_token(self, user: UUID, *, token_id: str, scopes: list[str]) -> Recorded[Account]:
        return self._change_account(user, lambda account: account.create_token(token_id, scopes))

    def revoke_token(self, user: UUID, *, token_id: str) -> Recorded[Account]:
        return self._change_account(user, lambda account: account.revoke_token(token_id))

    def change_mail_preferences(self, user: UUID, unwanted: Sequence[str]) -> Recorded[Account]:
        return self._change_account(user, lambda account: account.change_mail_preferences(unwanted))

    # --- subscriptions -----------------------------------------------------------------------

    def subscription(self, user: UUID) -> Subscription | None:
        """The user's subscription; None for who never began to pay.

        Whatever keeps it from being read is raised: it never means that nothing was paid.
        """
        try:
            found: Subscription = self._load(subscription_id_of(user))
        except AggregateNotFoundError:
            return None
        return found

    def subscription_at(
        self, subscription_id: UUID, version: int | None = None, *, at_least: int = 0
    ) -> Subscription:
        """A subscription by its own id, as it stands or stood; ``NotFound``, ``NotSeenYet``."""
        try:
            found: Subscription = self._load(subscription_id, version)
        except AggregateNotFoundError:
            raise NotFound("There is no such subscription.") from None
        if not isinstance(found, Subscription):
            raise NotFound("There is no such subscription.")
        if found.version < at_least:
            raise NotSeenYet(f"Subscription {subscription_id} cannot be read that far yet.")
        return found

    def standing_of(self, user: UUID) -> Standing:
        """What the user is entitled to; raises as ``subscription`` does."""
        found = self.subscription(user)
        return found.standing if found else NEVER_PAID

    def plan_of(self, user: UUID) -> Plan:
        """What the user's plan allows now; raises as ``subscription`` does."""
        return _plan(self.standing_of(user), self.clock())

    def plan_at(self, user: UUID, then: datetime) -> Plan:
        """What the user's plan allowed at a time; raises as ``subscription`` does."""
        events: Iterable[Any] = self.events.get(subscription_id_of(user))
        found = replay(None, [event for event in events if event.timestamp <= then])
        return _plan(found.standing if found else NEVER_PAID, then)

    def start_checkout(
        self, user: UUID, customer: str, checkout: Checkout
    ) -> Recorded[Subscription]:
        return self._change_subscription(
            user, lambda found: found.start_checkout(customer, checkout)
        )

    def apply_billing(
        self, user: UUID, *, message: str, ask: Callable[[], PaidSubscription | None]
    ) -> Recorded[Subscription]:
        """Take over what the provider says; each ``message`` of the provider's is applied once.

        ``ask`` is called after the subscription was read and again when a rival wrote first, so
        an older answer is never recorded over a newer one.
        """
        until = self.clock() + OVERDUE_LASTS
        return self._change_subscription(
            user, lambda found: found.apply(ask(), message=message, overdue_until=until)
        )

    # --- how a command runs ------------------------------------------------------------------

    def _load(self, aggregate_id: UUID, version: int | None = None) -> Any:
        return self.repository.get(aggregate_id, version=version, projector_func=replay)

    def _change_job(
        self,
        job_id: UUID,
        decide: Callable[[Job], None],
        owner: UUID | None = None,
        if_version: int | None = None,
    ) -> Recorded[Job]:
        def load() -> Job:
            job = self.job(job_id, owner=owner)
            if if_version not in {None, job.version}:
                raise VersionMismatch(
                    f"The job is at version {job.version}, not {if_version}: look at it again."
                )
            return job

        return self._change(load, decide)

    def _change_account(self, user: UUID, decide: Callable[[Account], None]) -> Recorded[Account]:
        return self._change(lambda: self.account(user), decide)

    def _change_subscription(
        self, user: UUID, decide: Callable[[Subscription], None]
    ) -> Recorded[Subscription]:
        def load() -> Subscription:
            with at(self.clock()):
                return self.subscription(user) or Subscription.open(user)

        return self._change(load, decide)

    def _change(self, load: Callable[[], A], decide: Callable[[A], None]) -> Recorded[A]:
        """Load, decide, append; when a rival wrote first, look again and decide again."""
        for tries_left in reversed(range(COMMAND_TRIES)):
            aggregate = load()
            with at(self.clock()):
                decide(aggregate)
            try:
                return Recorded(aggregate, _position(self.save(aggregate)))
            except IntegrityError:
                if not tries_left:
                    raise
        raise AssertionError("unreachable")


def replay(aggregate: Any, events: Iterable[Any]) -> Any:
    """As the library's ``project_aggregate``, without its check of each event against a protocol.

    The check took half the time of loading an aggregate.
    """
    for event in events:
        aggregate = event.mutate(aggregate)
    return aggregate


def _plan(standing: Standing, now: datetime) -> Plan:
    return PLANS["premium" if standing.entitled(now) else "free"]


def _position(recordings: Sequence[Recording[UUID]]) -> int:
    return recordings[-1].notification.id if recordings else 0
