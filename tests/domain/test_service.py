"""The only writer of events: rivals, repeats and strangers."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from domain.context import acting
from domain.errors import NotFound, NotSeenYet, WrongState
from domain.log import read_log
from domain.service import AnnotationService
from tests.builders import AN_INPUT, an_outcome

OWNER = uuid4()


@pytest.fixture(params=["eventsourcing.popo", "eventsourcing.sqlite"])
def service(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[AnnotationService]:
    env = {
        "PERSISTENCE_MODULE": request.param,
        "SQLITE_DBNAME": str(tmp_path / "gas.db"),
        "SQLITE_LOCK_TIMEOUT": "30",
    }
    with (
        AnnotationService(env, clock=lambda: datetime.now(UTC)) as made,
        acting("user:test", correlation_id="c1"),
    ):
        yield made


def submit(service: AnnotationService, job_id: UUID, owner: UUID = OWNER) -> int:
    return service.submit_job(
        job_id=job_id, owner=owner, input=AN_INPUT, reference="sars-cov-2", options={}
    ).position


def test_submitting_the_same_job_twice_is_one_event(service: AnnotationService) -> None:
    job_id = uuid4()
    assert (submit(service, job_id), submit(service, job_id)) == (1, 0)
    assert len(read_log(service, after=0, limit=10)) == 1


def test_nobody_gets_at_anothers_job(service: AnnotationService) -> None:
    job_id, stranger = uuid4(), uuid4()
    submit(service, job_id)
    for command in (
        lambda: service.job(job_id, owner=stranger),
        lambda: service.cancel_job(job_id, owner=stranger),
        lambda: service.request_deletion(job_id, owner=stranger),
        lambda: submit(service, job_id, stranger),
        lambda: service.job(uuid4(), owner=stranger),
    ):
        with pytest.raises(NotFound, match="There is no job"):
            command()
    assert service.job(job_id).version == 1


def test_an_account_is_no_job_and_a_job_no_account(service: AnnotationService) -> None:
    job_id, user = uuid4(), uuid4()
    submit(service, job_id)
    service.open_account(user)
    with pytest.raises(NotFound):
        service.job(user)
    with pytest.raises(NotFound):
        service.account(job_id)


def test_less_than_was_promised_is_not_an_answer(service: AnnotationService) -> None:
    job_id = uuid4()
    with pytest.raises(NotSeenYet):
        service.job(job_id, at_least=1)
    submit(service, job_id)
    assert service.job(job_id, at_least=1).version == 1
    with pytest.raises(NotSeenYet, match="version 1 of 2"):
        service.job(job_id, at_least=2)


def test_rivals_decide_again_on_what_the_first_one_did(service: AnnotationService) -> None:
    job_id = uuid4()
    submit(service, job_id)
    refused: list[str] = []

    def start(name: str) -> None:
        with acting(f"worker:{name}"):
            try:
                service.start_annotation(job_id, attempt=1, worker=name, provenance={})
            except WrongState as error:
                refused.append(str(error))
            except Exception as error:
                refused.append(type(error).__name__)

    threads = [threading.Thread(target=start, args=(str(n),)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert refused == ["StaleAttempt"] * 7
    assert service.job(job_id).attempt == 1


def test_every_event_says_who_when_and_why(service: AnnotationService) -> None:
    job_id = uuid4()
    submit(service, job_id)
    with acting("worker:w", correlation_id="c1", causation_id="e1"):
        service.start_annotation(job_id, attempt=1, worker="w", provenance={})
        service.record_annotation(job_id, attempt=1, outcome=an_outcome())
    events = [e.event for e in read_log(service, after=0, limit=10)]
    assert [e.actor for e in events] == ["user:test", "worker:w", "worker:w"]
    assert {e.correlation_id for e in events} == {"c1"}
    assert [e.causation_id for e in events] == ["", "e1", "e1"]
    assert all(e.timestamp.tzinfo is not None for e in events)


def test_a_command_without_an_actor_is_refused(service: AnnotationService) -> None:
    failures: list[str] = []

    def unnamed() -> None:
        try:
            submit(service, uuid4())
        except LookupError:
            failures.append("no actor")

    thread = threading.Thread(target=unnamed)  # a thread begins without a context
    thread.start()
    thread.join()
    assert failures == ["no actor"]


def test_an_earlier_version_can_be_read(service: AnnotationService) -> None:
    job_id = uuid4()
    submit(service, job_id)
    service.cancel_job(job_id, owner=OWNER)
    assert service.job(job_id, version=1).work == "submitted"
    assert service.job(job_id).work == "cancelled"


def test_replaying_a_beginning_and_then_the_rest_is_replaying_all(
    service: AnnotationService,
) -> None:
    job_id = uuid4()
    submit(service, job_id)
    service.start_annotation(job_id, attempt=1, worker="w", provenance={})
    service.record_annotation(job_id, attempt=1, outcome=an_outcome())
    service.request_deletion(job_id, owner=OWNER)
    whole = service.job(job_id)
    for version in range(1, whole.version):
        begun = service.job(job_id, version=version)
        for event in service.events.get(job_id, gt=version):
            begun = event.mutate(begun)  # type: ignore[attr-defined]
        assert begun == whole
