"""Every event ever written still loads: one golden file for each event class, for ever.

A golden file is never changed; a new event class gets one by running this module as a program.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
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
from domain.service import AnnotationService
from tests.builders import AN_INPUT, NOON, an_outcome

GOLDEN = Path(__file__).parent.parent / "golden"
AGGREGATES = (Job, Account)
JOB_ID = UUID("11111111-1111-4111-8111-111111111111")
USER = UUID("22222222-2222-4222-8222-222222222222")
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
        ["account.opened.v1", "account.role_granted.v1", "account.role_revoked.v1"],
        ["account.opened.v1", "account.token_created.v1", "account.token_revoked.v1"],
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
        roles, tokens = Account.open(USER), Account.open(USER)
        roles.grant_role("auditor")
        roles.revoke_role("auditor")
        tokens.create_token("ab12", ["jobs:read"])
        tokens.revoke_token("ab12")
    for aggregate in (done, failed, gone, roles, tokens):
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


if __name__ == "__main__":
    _write()
