"""WORKS: what each queue's hints lead to, put together for one thread."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from uuid import UUID

import structlog

from domain.due import Step
from domain.job import Job
from entrypoints.parts.use_cases import UseCases
from entrypoints.submission import limits_of
from entrypoints.worker import Hint, Work
from projections.annotation import AnnotationWork
from projections.archiving import Archiving
from projections.erasure import ErasureWork
from projections.fairness import Turns
from projections.handing_over import HandOver
from projections.listeners import QUEUE_OF
from projections.notification import NotificationWork
from projections.notification_book import SENT, Entry
from projections.restoring import Restoring
from projections.storage import StorageWork
from projections.storage_due import restoring

log = structlog.get_logger()


def _annotation(gas: UseCases, worker: str) -> Work:
    gas.settings.scratch.mkdir(parents=True, exist_ok=True)
    return AnnotationWork(
        service=gas.service,
        records=gas.records,
        views=gas.views,
        leases=gas.leases,
        files=gas.files,
        annotator=gas.annotator,
        limits=lambda job: limits_of(gas.service.plan_at(job.owner, job.created_on)),
        outlook=gas.outlook,
        hand_over=_hand_over(gas),
        worker=worker,
        scratch=gas.settings.scratch,
        on_error=_log_failing,
        served=gas.served,
        renew_seconds=gas.renew_seconds,
    )


def _hand_over(gas: UseCases) -> HandOver:
    return HandOver(
        gas.outlook,
        lambda step, job_id: gas.queues[QUEUE_OF[step]].send(Hint(job_id, 0).body()),
    )


def _erasure(gas: UseCases, worker: str) -> Work:
    return ErasureWork(
        service=gas.service,
        records=gas.records,
        outlook=gas.outlook,
        archive=gas.archive,
        files=gas.files,
        uploads=gas.uploads,
        tables=gas.variant_tables,
        worker=worker,
    )


def _archival(gas: UseCases, worker: str) -> Work:
    work = Archiving(gas.service, gas.files, gas.archive, gas.outlook)
    return _storage(gas, worker, work.steps, Turns(lambda _: (), {}))


def _restoration(gas: UseCases, worker: str) -> Work:
    work = Restoring(gas.service, gas.archive, gas.outlook)
    turns = Turns(lambda owner: restoring(gas.views, owner), gas.restored)
    return _storage(gas, worker, work.steps, turns)


def _storage(
    gas: UseCases, worker: str, steps: Mapping[Step, Callable[[Job], None]], turns: Turns
) -> Work:
    return StorageWork(
        service=gas.service,
        records=gas.records,
        views=gas.views,
        leases=gas.leases,
        outlook=gas.outlook,
        steps=steps,
        arm=lambda job_id, at: gas.timer.schedule(Hint(job_id, 0).body(), at=at),
        hand_over=_hand_over(gas),
        turns=turns,
        on_error=_log_failing,
        worker=worker,
        renew_seconds=gas.renew_seconds,
    )


def _notification(gas: UseCases, worker: str) -> Work:
    return NotificationWork(
        service=gas.service,
        book=gas.mail_book,
        policy=gas.policy,
        mailer=gas.mailer,
        address_of=lambda user: str(gas.people.profile(user)["email"]),
        compose=gas.letters.compose,
        clock=gas.clock,
        on_outcome=_log_mail,
    )


def _log_failing(job_id: UUID, error: Exception) -> None:
    log.error("work.failed", job=str(job_id), error=str(error), exc_info=error)


def _log_mail(entry: Entry) -> None:
    say = log.info if entry.state == SENT else log.warning
    say(f"mail.{entry.state}", kind=entry.kind, of=str(entry.aggregate_id), detail=entry.detail)


WORKS: dict[str, Callable[[UseCases, str], Work]] = {
    "annotation": _annotation,
    "archival": _archival,
    "restoration": _restoration,
    "erasure": _erasure,
    "notification": _notification,
}
