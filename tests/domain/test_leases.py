"""At most one worker holds a job, and silence frees it."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import uuid4

import pytest

from domain.leases import LEASE, Leases
from tests.builders import NOON
from tests.memory import MemoryRecords

JOB = uuid4()


class Clock:
    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def leases(clock: Clock) -> Leases:
    return Leases(MemoryRecords(), clock=clock)


def test_one_of_two_gets_it(leases: Leases) -> None:
    assert leases.take(JOB, attempt=1, worker="one") is not None
    assert leases.take(JOB, attempt=1, worker="two") is None
    assert leases.is_held(JOB)


def test_it_runs_out_when_its_holder_falls_silent(leases: Leases, clock: Clock) -> None:
    lease = leases.take(JOB, attempt=1, worker="one")
    assert lease is not None
    clock.now += LEASE
    assert not leases.is_held(JOB)
    assert leases.take(JOB, attempt=2, worker="two") is not None
    assert leases.renew(lease) is False
    leases.release(lease)
    assert leases.is_held(JOB)


def test_renewing_keeps_it(leases: Leases, clock: Clock) -> None:
    lease = leases.take(JOB, attempt=1, worker="one")
    assert lease is not None
    for _ in range(5):
        clock.now += LEASE - timedelta(seconds=1)
        assert leases.renew(lease)
    assert leases.take(JOB, attempt=1, worker="two") is None


def test_releasing_frees_it_at_once(leases: Leases) -> None:
    lease = leases.take(JOB, attempt=1, worker="one")
    assert lease is not None
    leases.release(lease)
    assert not leases.is_held(JOB)
    leases.release(lease)
    assert leases.take(JOB, attempt=2, worker="two") is not None


def test_a_new_start_of_the_only_machine_frees_all(leases: Leases) -> None:
    others = [uuid4() for _ in range(3)]
    for job_id in others:
        leases.take(job_id, attempt=1, worker="dead")
    assert leases.release_all() == 3
    assert not any(leases.is_held(job_id) for job_id in others)
