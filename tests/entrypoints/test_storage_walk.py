"""A result goes to the cold and comes back byte for byte: every class, the vault, both timers.

A real work process in threads, the embedded cloud, and the loopback vault behind its real client.
"""

from __future__ import annotations

import hashlib
import socket
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from adapters.archive_glacier_vault import Listed
from domain.context import acting
from domain.job import Job
from domain.leases import Lease
from domain.log import read_log
from domain.ports.billing import PaidSubscription
from entrypoints.bootstrap import Gas
from entrypoints.housekeeping import tidy
from entrypoints.local.cloud import ACCESS_KEY
from entrypoints.local.glacier import Vaults
from entrypoints.local.standins import glacier_app
from entrypoints.local.vault_book import Timing
from entrypoints.settings import Settings
from entrypoints.vault_inventory import is_needed
from tests.builders import paid
from tests.cloud import Stack
from tests.conftest import SOAK
from tests.entrypoints.test_work import until, working
from tests.standins import beside, served
from tests.world import GOOD, MemoryAnnotator

QUICK = Timing(expedited=0.3, standard=0.5)
TIMERS, CLASSES = ("sqs_delay", "step_functions"), ("GLACIER", "DEEP_ARCHIVE", "GLACIER_IR")
ALL_PAIRS = [(storage_class, timer) for storage_class in CLASSES for timer in TIMERS]
SOME_PAIRS = [*zip(CLASSES, TIMERS * 2, strict=False), ("GLACIER", "step_functions")]
BEFORE = ["job.archive_scheduled.v1", "job.archive_started.v1", "job.archived.v1"]
THAW = ["job.thaw_requested.v1", "job.thaw_started.v1", "job.restored.v1"]


@dataclass
class Place:
    """A service over the embedded cloud, with a vault beside it."""

    gas: Gas
    stack: Stack
    vaults: Vaults
    messages: Iterator[int]

    @property
    def archives(self) -> list[dict[str, Any]]:
        """What is in the vault."""
        return self.vaults.book.archives(f"{self.stack.prefix}-results")

    def submit(self, owner: UUID) -> Job:
        upload_id = uuid4().hex
        with acting(f"user:{owner}"):
            self.gas.uploading.receive(owner, filename="f", data=GOOD, upload_id=upload_id)
            return self.gas.submission.submit(owner, upload_id=upload_id, reference="toy").aggregate

    def bill(self, owner: UUID, **what: Any) -> None:
        """The payment provider says how things are."""
        now = datetime.now(UTC)
        told: PaidSubscription = replace(
            paid(user=owner, **what), period_end=now + timedelta(days=30)
        )
        with acting("system:billing"):
            self.gas.service.apply_billing(
                owner, message=f"evt_{next(self.messages)}", ask=lambda: told
            )

    def job(self, job: Job) -> Job:
        return self.gas.service.job(job.id)

    def until(self, job: Job, storage: str, *, seconds: float = 30) -> Job:
        until(lambda: self.job(job).storage == storage, seconds=seconds)
        return self.job(job)

    def leased(self, job: Job, *, attempt: int) -> Lease:
        """The lease on a job, as a worker has it that is paused from now on."""
        taken: list[Lease] = []

        def take() -> bool:
            lease = self.gas.leases.take(job.id, attempt=attempt, worker="paused")
            taken.extend([lease] if lease else [])
            return bool(taken)

        until(take)
        return taken[0]

    def steps(self, job: Job) -> list[str]:
        """Everything that happened to its storage."""
        happened = [
            event.topic
            for event in read_log(self.gas.service, after=0, limit=10_000)
            if event.aggregate_id == job.id
        ]
        return happened[happened.index("job.annotation_completed.v1") + 1 :]

    def result(self, job: Job) -> bytes:
        now = self.job(job)
        assert now.result is not None
        with self.gas.files.open(now.result["key"]) as stream:
            return stream.read()


Opened = Callable[..., Any]


@pytest.fixture
def opened(tmp_path: Path, stack: Stack) -> Iterator[Opened]:
    """Start a service and its work process with these settings."""
    with ExitStack() as running:

        def start(
            *,
            timing: Timing = QUICK,
            sweep: float = 1.0,
            wrap: Callable[[Any], Any] = lambda app: app,
            **settings: Any,
        ) -> Place:
            sns = stack.aws_again().client("sns")

            def publish(topic: str, message: str) -> None:
                sns.publish(TopicArn=topic, Message=message)

            app, vaults = glacier_app(
                tmp_path,
                publish,
                access_key=ACCESS_KEY,
                secret_key=stack.cloud.secret,
                timing=timing,
            )
            app.wsgi_app = wrap(app.wsgi_app)  # type: ignore[method-assign]
            url = running.enter_context(served(lambda _: app))
            beside(running, vaults.run)
            wanted = Settings(
                data_dir=tmp_path,
                local=True,
                stack=stack.prefix,
                vault_url=url,
                sweep_seconds=sweep,
                **{"free_retention": 1, "grace": 1} | settings,
            )
            gas = Gas(wanted, cloud=stack.aws, annotator=MemoryAnnotator())
            gas.build()
            running.enter_context(working(gas))
            return Place(gas, stack, vaults, count())

        yield start


def in_the_cold(place: Place, storage_class: str) -> list[str]:
    """Keys of the results in a class."""
    heads = place.gas.files.list("results/")
    return [head.key for head in heads if head.storage_class == storage_class]


@pytest.mark.parametrize(("storage_class", "timer"), ALL_PAIRS if SOAK else SOME_PAIRS)
def test_a_result_in_a_storage_class_comes_back_when_its_owner_pays(
    opened: Opened, storage_class: str, timer: str
) -> None:
    place = opened(archive_class=storage_class, retention_timer=timer)
    owner = uuid4()
    job = place.submit(owner)
    until(lambda: place.job(job).result)
    before, key = place.result(job), place.job(job).result["key"]
    archived = place.until(job, "archived")
    assert archived.archive is not None
    assert archived.archive["sha256"] == hashlib.sha256(before).hexdigest()
    assert in_the_cold(place, storage_class) == [key]
    place.bill(owner)
    until(lambda: place.job(job).storage == "available" and not place.job(job).archive, seconds=60)
    assert place.result(job) == before
    assert in_the_cold(place, storage_class) == []
    assert place.gas.files.head(key) is None
    assert place.steps(job) == [*BEFORE, *THAW, "job.archive_discarded.v1"]


def test_a_result_in_the_vault_comes_back_by_notification(opened: Opened) -> None:
    place = opened(archive="glacier_vault", sweep=60)  # nobody sweeps before it is over
    owner = uuid4()
    job = place.submit(owner)
    until(lambda: place.job(job).result)
    before, key = place.result(job), place.job(job).result["key"]
    until(lambda: place.job(job).source_removed)
    assert place.gas.files.head(key) is None
    assert len(place.archives) == 1
    place.bill(owner)
    until(lambda: place.job(job).storage == "available" and not place.job(job).archive, seconds=30)
    assert place.result(job) == before
    assert place.archives == []
    steps = [*BEFORE, "job.source_removed.v1", *THAW, "job.archive_discarded.v1"]
    assert place.steps(job) == steps


def cold(place: Place, owner: UUID) -> tuple[Job, bytes]:
    """A result in the vault alone, and its bytes."""
    job = place.submit(owner)
    until(lambda: place.job(job).result)
    before = place.result(job)
    until(lambda: place.job(job).source_removed)
    return job, before


def test_refused_capacity_falls_to_the_standard_tier(opened: Opened) -> None:
    place = opened(archive="glacier_vault")
    owner = uuid4()
    job, before = cold(place, owner)
    place.vaults.book.switch_capacity(on=False)
    place.bill(owner)
    until(lambda: place.job(job).storage == "available")
    assert place.result(job) == before
    (started,) = [
        event.payload
        for event in read_log(place.gas.service, after=0, limit=10_000)
        if event.topic == "job.thaw_started.v1"
    ]
    assert (started["tier_asked"], started["tier_got"]) == ("Expedited", "Standard")


def test_pitfall_20_an_output_that_expired_is_asked_for_again(opened: Opened) -> None:
    """Nobody comes for the first output in time, as after an outage of a day."""
    place = opened(archive="glacier_vault", timing=Timing(expedited=0.2, output=0.6))
    owner = uuid4()
    job, before = cold(place, owner)
    lease = place.leased(job, attempt=2)
    asked = place.gas.archive.retrieve(place.job(job).archive_ref, place.job(job).cold_file())
    vault = f"{place.stack.prefix}-results"
    until(lambda: place.vaults.book.jobs(vault) == [])  # come and gone
    moves = place.gas.service.store_result
    with acting("worker:paused"):
        moves(job.id, lambda now: now.request_thaw(attempt=2, reason="premium"))
        moves(job.id, lambda now: now.record_thaw_started(attempt=2, retrieval=asked))
    place.bill(owner)
    place.gas.leases.release(lease)
    until(lambda: place.job(job).storage == "available")
    assert place.result(job) == before
    assert place.steps(job).count("job.thaw_started.v1") == 2


class CutOnce:
    """The vault does what it was asked when an upload is completed, and its answer gets lost."""

    def __init__(self, app: Any) -> None:
        self._app = app
        self.cut = threading.Event()

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        body = self._app(environ, start_response)
        parts = environ["PATH_INFO"].split("/")
        completes = environ["REQUEST_METHOD"] == "POST" and "multipart-uploads" in parts[:-1]
        if completes and not self.cut.is_set():
            self.cut.set()
            environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
        return body


def test_a_lost_answer_leaves_one_recorded_archive_and_the_inventory_removes_the_other(
    opened: Opened, tmp_path: Path
) -> None:
    lossy: list[CutOnce] = []

    def lose(app: Any) -> Any:
        lossy.append(CutOnce(app))
        return lossy[0]

    place = opened(archive="glacier_vault", wrap=lose)
    job, _ = cold(place, uuid4())
    assert lossy[0].cut.is_set()
    recorded = place.job(job).archive
    assert recorded is not None
    assert len(place.archives) == 2
    assert place.steps(job).count("job.archived.v1") == 1

    old = time.time() - 86_500
    with sqlite3.connect(tmp_path / "standins" / "vault" / "vault.db") as book:
        book.execute("UPDATE archive SET created=?", [old])
    until(lambda: tidy(place.gas)["archives"] == 1)  # asked for, then read when it is complete
    assert [archive["id"] for archive in place.archives] == [recorded["archive_id"]]
    assert tidy(place.gas)["archives"] == 0  # not again today


def test_what_may_yet_be_recorded_is_left_in_the_vault(opened: Opened) -> None:
    """A worker is paused between its upload and the record, and resumes after the inventory."""
    place = opened(archive="glacier_vault", free_retention=3600)
    job = place.submit(uuid4())
    until(lambda: place.job(job).archive_due)
    gas = place.gas
    lease = place.leased(job, attempt=1)
    with acting("worker:paused"):
        gas.service.store_result(job.id, lambda now: now.start_archive(attempt=1, in_place=False))
    ref = gas.archive.store(place.job(job).cold_file())
    listed = Listed(ref.archive_id, datetime.now(UTC), job.id, 1)
    assert is_needed(gas.service, gas.files, listed)
    assert is_needed(
        gas.service, gas.files, replace(listed, job=uuid4())
    )  # whose it is nobody knows
    assert is_needed(gas.service, gas.files, replace(listed, job=None, attempt=None))
    assert not is_needed(gas.service, gas.files, replace(listed, attempt=0))
    with acting("worker:paused"):
        gas.service.store_result(
            job.id, lambda now: now.record_archived(attempt=1, archive=asdict(ref))
        )
    assert is_needed(gas.service, gas.files, listed)
    gas.leases.release(lease)
