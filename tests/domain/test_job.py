"""The lifecycle of a job: what each state allows, and what it refuses with which sentence."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import DomainError, StaleAttempt, WrongState
from domain.job import FINISHED, WORK_MOVES
from domain.stored_job import STORAGE_MOVES
from tests.builders import JobBuilder, a_job


def test_a_job_runs_and_completes() -> None:
    job = a_job().started().completed().job
    assert (job.work, job.storage, job.attempt) == ("completed", "available", 1)
    assert job.started_at is not None
    assert job.finished_at is not None
    assert job.created_on < job.started_at < job.finished_at


def test_a_failed_attempt_that_is_not_final_waits_for_the_next() -> None:
    job = a_job().started().failed(final=False).started().completed().job
    assert (job.work, job.attempt, job.failures) == ("completed", 2, 1)
    assert job.failure is None


def test_a_final_failure_keeps_its_code() -> None:
    job = a_job().started().failed().job
    assert job.work == "failed"
    assert job.failure == {"code": "engine_crashed", "line": None, "column": None, "facts": {}}


def test_an_overtaken_worker_changes_nothing() -> None:
    builder = a_job().started().started()
    with pytest.raises(StaleAttempt, match="Attempt 1 was overtaken by attempt 2"):
        builder.job.complete_annotation(attempt=1, outcome={})  # type: ignore[typeddict-item]
    assert builder.job.work == "running"


def test_an_attempt_cannot_be_started_twice() -> None:
    builder = a_job().started()
    with pytest.raises(StaleAttempt):
        builder.job.start_annotation(attempt=1, worker="late", provenance={})


def test_a_cancelled_job_is_never_annotated() -> None:
    builder = a_job().cancelled()
    with pytest.raises(WrongState, match="The job is cancelled: it is too late to start"):
        builder.started()


def test_cancelling_twice_is_one_event() -> None:
    assert a_job().cancelled().cancelled().job.version == 2


def test_deleting_twice_is_one_request() -> None:
    assert a_job().deletion_requested().deletion_requested().job.version == 2


def test_a_job_is_not_deleted_unasked() -> None:
    with pytest.raises(WrongState, match="Nobody has asked"):
        a_job().deleted()


def test_a_worker_that_was_paused_past_a_deletion_records_nothing() -> None:
    deleted = a_job().started().deletion_requested().deleted()
    for late in (deleted.completed, deleted.failed):
        with pytest.raises(StaleAttempt, match="deleted"):
            late()
    assert deleted.job.storage == "removed"


COMMANDS = ("started", "completed", "failed", "cancelled", "deletion_requested", "deleted")


@given(st.lists(st.sampled_from(COMMANDS), max_size=12))
def test_no_sequence_of_commands_leaves_the_lifecycle_tables(commands: list[str]) -> None:
    states = {"submitted"} | {s for moves in WORK_MOVES.values() for s in moves.values()}
    builder: JobBuilder = a_job()
    for command in commands:
        before, events = builder.job.work, builder.job.version
        refused = _refused(builder, command)
        assert refused is None or (refused.endswith(".") and builder.job.version == events)
        after = builder.job.work
        assert after in states
        assert after == before or any(m.get(before) == after for m in WORK_MOVES.values())
        if before in FINISHED:
            assert after == before


MOVES = (
    "archiving",
    "recorded",
    "left",
    "source_removed",
    "asked",
    "restored",
    "lost",
    "discarded",
)


@given(st.lists(st.sampled_from((*MOVES, "deletion_requested")), max_size=16))
def test_no_sequence_of_commands_leaves_the_table_of_storage(commands: list[str]) -> None:
    builder: JobBuilder = a_job().started().completed()
    for command in commands:
        before, events = builder.job.storage, builder.job.version
        refused = _refused(builder, command)
        assert refused is None or (refused.endswith(".") and builder.job.version == events)
        after = builder.job.storage
        assert after == before or any(m.get(before) == after for m in STORAGE_MOVES.values())
        if builder.job.deletion_requested:
            assert after == before
        if after in ("archived", "thawing"):
            assert builder.job.archive is not None
        if after == "thawing":
            assert not builder.job.source_left


def test_every_copy_of_a_result_has_a_key_of_its_own() -> None:
    builder = a_job().started().completed()
    keys = [builder.job.cold_file().key]
    for _ in range(4):
        builder.archived().source_removed().thawing().restored().discarded()
        keys.append(builder.job.cold_file().key)
    assert len(set(keys)) == 5


def _refused(builder: JobBuilder, command: str) -> str | None:
    try:
        getattr(builder, command)()
    except DomainError as refusal:
        return str(refusal)
    return None
