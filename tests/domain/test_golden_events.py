"""Every event ever written still loads: one golden file for each event class, for ever.

A golden file is never changed; a new event class gets one by running this module as a program.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from eventsourcing.domain import CanMutateAggregate
from eventsourcing.persistence import StoredEvent

from domain.account import Account
from domain.catalogue import CATALOGUE
from domain.context import acting, at
from domain.job import Job
from domain.job_events import FileRef
from domain.ports.billing import Checkout
from domain.service import AnnotationService
from domain.subscription import Subscription
from tests.builders import A_RETRIEVAL, AN_ARCHIVE, AN_INPUT, NOON, an_outcome, paid

GOLDEN = Path(__file__).parent.parent / "golden"
AGGREGATES = (Job, Subscription, Account)
JOB_ID = UUID("11111111-1111-4111-8111-111111111111")
USER = UUID("22222222-2222-4222-8222-222222222222")
DONE = ["job.submitted.v1", "job.annotation_started.v1", "job.annotation_completed.v1"]
THAWING = [
    *DONE,
    *("job.archive_started.v1", "job.archived.v1", "job.source_removed.v1"),
    *("job.thaw_requested.v1", "job.thaw_started.v1"),
]
PAYING = [
    "subscription.opened.v1",
    "subscription.checkout_started.v1",
    "subscription.upgraded.v1",
]
PROVENANCE = {"engine": "bcftools csq", "engine_version": "1.24", "reference": "sars-cov-2"}


def event_classes() -> Iterator[type[CanMutateAggregate[UUID]]]:
    for aggregate in AGGREGATES:
        for found in vars(aggregate).values():
            if (
                isinstance(found, type)
                and issubclass(found, CanMutateAggregate)
                and getattr(found, "TOPIC", None)
            ):
                yield found


TOPICS = sorted(str(getattr(c, "TOPIC")) for c in event_classes())  # noqa: B009


def service() -> AnnotationService:
    return AnnotationService({"PERSISTENCE_MODULE": "eventsourcing.popo"}, clock=lambda: NOON)


def load(topic: str) -> Any:
    golden = json.loads((GOLDEN / f"{topic}.json").read_text())
    stored = StoredEvent(
        originator_id=UUID(golden["originator_id"]),
        originator_version=golden["originator_version"],
        topic=golden["topic"],
        state=json.dumps(golden["state"], ensure_ascii=False, separators=(",", ":")).encode(),
    )
    return service().mapper.to_domain_event(stored)


@pytest.mark.parametrize("topic", TOPICS)
def test_what_was_written_still_loads(topic: str) -> None:
    golden = json.loads((GOLDEN / f"{topic}.json").read_text())
    event = load(topic)
    assert topic == type(event).TOPIC
    assert event.timestamp == NOON
    assert event.actor == f"user:{USER}"
    again = json.loads(service().mapper.to_stored_event(event).state)
    assert golden["state"].items() <= again.items()


def test_whole_histories_replay_from_golden_files() -> None:
    histories: list[list[str]] = [
        ["job.submitted.v1", "job.annotation_started.v1", "job.annotation_failed.v1"],
        ["job.submitted.v1", "job.annotation_started.v1", "job.annotation_completed.v1"],
        ["job.submitted.v1", "job.cancelled.v1", "job.deletion_requested.v1", "job.deleted.v1"],
        [*DONE, "job.archive_scheduled.v1", "job.archive_unscheduled.v1"],
        [*DONE, "job.archive_started.v1", "job.archive_failed.v1"],
        [*THAWING, "job.thaw_failed.v1"],
        [*THAWING, "job.restored.v1", "job.archive_discarded.v1", "job.input_removed.v1"],
        [*PAYING, "subscription.payment_failed.v1", "subscription.resumed.v1"],
        [*PAYING, "subscription.cancel_scheduled.v1", "subscription.ended.v1"],
        ["account.opened.v1", "account.role_granted.v1", "account.role_revoked.v1"],
        ["account.opened.v1", "account.token_created.v1", "account.token_revoked.v1"],
        ["account.opened.v1", "account.mail_preferences_changed.v1"],
    ]
    assert sorted({topic for history in histories for topic in history}) == TOPICS
    for history in histories:
        aggregate: Any = None
        for version, topic in enumerate(history, start=1):
            event = load(topic)
            assert event.originator_version == version
            aggregate = event.mutate(aggregate)
        assert aggregate.version == len(history)


def test_every_event_is_in_the_public_catalogue() -> None:
    assert sorted(CATALOGUE) == TOPICS


def _write() -> None:
    log = FileRef(key="results/x/1/log.txt", bytes=7, sha256="ef", etag="e3")
    failure: Any = {"code": "bad_position", "line": 4, "column": 2, "facts": {"found": "x"}}

    def a_job() -> Job:
        return Job.submit(JOB_ID, owner=USER, input=AN_INPUT, reference="sars-cov-2", options={})

    with acting(f"user:{USER}", correlation_id="c0ffee"), at(NOON):
        done, failed, gone = a_job(), a_job(), a_job()
        done.start_annotation(attempt=1, worker="host:1:ab", provenance=PROVENANCE)
        done.complete_annotation(attempt=1, outcome=an_outcome(skipped={"wrong_ref": 1}))
        failed.start_annotation(attempt=1, worker="host:1:ab", provenance=PROVENANCE)
        failed.fail_annotation(attempt=1, failure=failure, log=log, final=True)
        gone.cancel(reason="asked")
        gone.request_deletion(reason="asked")
        gone.record_deletion(removed={"files": 2})
        roles, tokens, mails = Account.open(USER), Account.open(USER), Account.open(USER)
        roles.grant_role("auditor")
        roles.revoke_role("auditor")
        tokens.create_token("ab12", ["jobs:read"])
        tokens.revoke_token("ab12")
        mails.change_mail_preferences(["storage"])
        kept = [_stored() for _ in range(4)]
        _archive_and_restore(*kept)
        overdue, ended = _subscriptions()
    for aggregate in (done, failed, gone, *kept, overdue, ended, roles, tokens, mails):
        for event in aggregate.collect_events():
            stored = service().mapper.to_stored_event(event)
            path = GOLDEN / f"{stored.topic}.json"
            if not path.exists():
                golden = {
                    "originator_id": str(stored.originator_id),
                    "originator_version": stored.originator_version,
                    "topic": stored.topic,
                    "state": json.loads(stored.state),
                }
                path.write_text(json.dumps(golden, indent=2) + "\n")


def _archive_and_restore(scheduled: Job, failed: Job, lost: Job, restored: Job) -> None:
    """Every event of storage, at the versions of the histories above."""
    scheduled.schedule_archive(due=NOON, policy="300 s")
    scheduled.unschedule_archive(reason="premium")
    failed.start_archive(attempt=1, in_place=True)
    failed.record_archive_failure(attempt=1, reason="premium", retryable=True)
    for job in (lost, restored):
        job.start_archive(attempt=1, in_place=True)
        job.record_archived(attempt=1, archive=asdict(AN_ARCHIVE))
        job.record_source_removed()
        job.request_thaw(attempt=2, reason="premium")
        job.record_thaw_started(attempt=2, retrieval=A_RETRIEVAL)
    lost.record_thaw_failure(attempt=2, reason="archive_altered", retryable=False)
    key = "results/x/restored-2/annotated.vcf.gz"
    restored.record_restored(attempt=2, result=FileRef(key=key, bytes=10, sha256="ab", etag="e9"))
    restored.record_archive_discarded()
    restored.record_input_removed(reason="kept long enough")


def _stored() -> Job:
    job = Job.submit(JOB_ID, owner=USER, input=AN_INPUT, reference="sars-cov-2", options={})
    job.start_annotation(attempt=1, worker="host:1:ab", provenance=PROVENANCE)
    job.complete_annotation(attempt=1, outcome=an_outcome(skipped={"wrong_ref": 1}))
    return job


def _subscriptions() -> tuple[Subscription, Subscription]:
    overdue, ended = Subscription.open(USER), Subscription.open(USER)
    for each in (overdue, ended):
        each.start_checkout("cus_1", Checkout("cs_1", "", "open", NOON))
        each.apply(paid(), message="evt_1", overdue_until=NOON)
    overdue.apply(paid(status="past_due"), message="evt_2", overdue_until=NOON)
    overdue.apply(paid(), message="evt_3", overdue_until=NOON)
    ended.apply(paid(cancel_at_period_end=True), message="evt_2", overdue_until=NOON)
    ended.apply(paid(status="canceled"), message="evt_3", overdue_until=NOON)
    return overdue, ended


if __name__ == "__main__":
    _write()
