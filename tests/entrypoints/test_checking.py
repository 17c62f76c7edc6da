"""`gas check`: a healthy service is clean, and each promise broken once on purpose is found."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from domain.context import acting
from domain.job import Job
from domain.job_events import Outcome
from entrypoints.bootstrap import Gas
from entrypoints.checking import Finding, check
from entrypoints.settings import Settings
from tests.builders import an_outcome, paid
from tests.cloud import Stack
from tests.entrypoints.running import somebody
from tests.entrypoints.test_work import until, working
from tests.world import BAD, GOOD, MemoryAnnotator

NAME = "Ada Lovelace"


@dataclass
class Service:
    """A service that has run and stands still."""

    stack: Stack
    settings: Settings
    free: UUID
    payer: UUID
    archived: Job
    kept: Job
    failed: Job

    def gas(self, *, later: timedelta = timedelta(0)) -> Gas:
        """The service as it is, at a later time."""
        return Gas(
            self.settings,
            cloud=self.stack.aws,
            annotator=MemoryAnnotator(),
            clock=lambda: datetime.now(UTC) + later,
        )

    def found(self, *, hours: float = 0, digests: bool = False) -> set[tuple[str, str]]:
        """(promise, job) of what is found so many hours from now."""
        return {(f.promise, f.job) for f in self.findings(hours=hours, digests=digests)}

    def findings(self, *, hours: float = 0, digests: bool = False) -> tuple[Finding, ...]:
        return check(self.gas(later=timedelta(hours=hours)), digests=digests).findings


def submit(gas: Gas, owner: UUID, data: bytes = GOOD) -> Job:
    upload_id = uuid4().hex
    with acting(f"user:{owner}"):
        gas.uploading.receive(owner, filename="a family.vcf", data=data, upload_id=upload_id)
        submitted = gas.submission.submit(
            owner, upload_id=upload_id, reference="toy", label="missense"
        )
    return submitted.aggregate


def pay(gas: Gas, owner: UUID) -> None:
    told = replace(paid(user=owner), period_end=datetime.now(UTC) + timedelta(days=30))
    with acting("system:billing"):
        gas.service.apply_billing(owner, message=uuid4().hex, ask=lambda: told)


@pytest.fixture(params=["sqlite"])
def service(request: pytest.FixtureRequest, tmp_path: Path, stack: Stack) -> Service:
    settings = Settings(
        data_dir=tmp_path,
        stack=stack.prefix,
        store=request.param,
        local=True,
        free_retention=1,
        sweep_seconds=1,
    )
    gas = Gas(settings, cloud=stack.aws, annotator=MemoryAnnotator())
    gas.build()
    free, payer = somebody(gas, NAME).user, somebody(gas, "Grace Hopper").user
    pay(gas, payer)
    with working(gas):
        archived, kept, failed = submit(gas, free), submit(gas, payer), submit(gas, payer, BAD)
        gone = submit(gas, payer)
        with acting("user:test"):
            gas.service.request_deletion(gone.id, owner=payer)
        until(lambda: gas.service.job(archived.id).storage == "archived", seconds=60)
        until(lambda: gas.service.job(kept.id).work == "completed", seconds=60)
        until(lambda: gas.service.job(failed.id).work == "failed", seconds=60)
        until(lambda: gas.service.job(gone.id).deleted, seconds=60)
    jobs = (gas.service.job(job.id) for job in (archived, kept, failed))
    return Service(stack, settings, free, payer, *jobs)


@contextmanager
def altered(
    service: Service, key: str, change: Callable[[Any, str, str], object]
) -> Iterator[None]:
    """Something is done to an object behind the service's back, and taken back afterwards."""
    client, bucket = service.stack.aws.client("s3"), service.stack.files.bucket
    head = client.head_object(Bucket=bucket, Key=key)
    client.copy_object(Bucket=bucket, Key="saved", CopySource=f"{bucket}/{key}")
    change(client, bucket, key)
    yield
    client.copy_object(
        Bucket=bucket,
        Key=key,
        CopySource=f"{bucket}/saved",
        StorageClass=head.get("StorageClass", "STANDARD"),
    )
    client.delete_object(Bucket=bucket, Key="saved")


def deleted(client: Any, bucket: str, key: str) -> None:
    client.delete_object(Bucket=bucket, Key=key)


def longer(client: Any, bucket: str, key: str) -> None:
    client.put_object(Bucket=bucket, Key=key, Body=b"x" * 999)


def same_size(client: Any, bucket: str, key: str) -> None:
    size = client.head_object(Bucket=bucket, Key=key)["ContentLength"]
    client.put_object(Bucket=bucket, Key=key, Body=b"x" * size)


def in_class(name: str) -> Callable[[Any, str, str], None]:
    def change(client: Any, bucket: str, key: str) -> None:
        source = f"{bucket}/{key}"
        client.copy_object(Bucket=bucket, Key=key, CopySource=source, StorageClass=name)

    return change


@pytest.mark.parametrize("service", ["sqlite", "dynamodb"], indirect=True)
def test_a_healthy_service_is_clean_and_each_file_that_is_harmed_is_found(
    service: Service,
) -> None:
    report = check(service.gas(), digests=True)
    assert report.findings == ()
    assert report.counts["jobs"] == 4
    assert report.counts["files"] >= 7
    assert service.found(hours=26) == set()

    there, readable = "what_was_made_is_there", "what_is_readable_is_not_cold"
    kept, archived = str(service.kept.id), str(service.archived.id)
    result, cold = service.kept.result or {}, service.archived.result or {}
    log, source = (service.failed.log or {})["key"], service.kept.input["key"]
    harms: list[tuple[str, Callable[[Any, str, str], None], bool, tuple[str, str]]] = [
        (result["key"], deleted, False, (there, kept)),
        (log, deleted, False, (there, str(service.failed.id))),
        (source, deleted, False, (there, kept)),
        (cold["key"], deleted, False, (there, archived)),
        (result["key"], longer, False, (there, kept)),
        (result["key"], same_size, True, (there, kept)),
        (source, same_size, True, (there, kept)),
        (result["key"], in_class("GLACIER"), False, (readable, kept)),
        (source, in_class("DEEP_ARCHIVE"), False, (readable, kept)),
        (cold["key"], in_class("STANDARD"), False, ("what_is_archived_is_safe", archived)),
    ]
    for key, harm, digests, expected in harms:
        with altered(service, key, harm):
            assert service.found(digests=digests) == {expected}, (key, harm)
    assert service.found(digests=True) == set()


def test_stray_files_late_steps_and_frozen_results_are_found(service: Service) -> None:
    gas = service.gas()
    stray = f"results/{uuid4()}/1/annotated.vcf.gz"
    gas.files.put(stray, b"whose is it")
    gas.uploads.put(f"uploads/{uuid4()}/x", b"nobody submitted it")
    gas.files.put(f"results/{service.kept.id}/9/log.txt", b"of an overtaken attempt")
    gas.files.put("references/grch38/manifest.json", b"shared, so everybody's")
    assert service.found() == set()
    (first, second, third) = service.findings(hours=26)
    assert {f.promise for f in (first, second, third)} == {"every_file_belongs_to_a_job"}
    assert any(stray in str(f) for f in (first, second, third))

    waiting = submit(gas, service.payer)
    assert ("nothing_is_overdue", str(waiting.id)) not in service.found(hours=1)
    assert ("nothing_is_overdue", str(waiting.id)) in service.found(hours=7)

    pay(gas, service.free)
    frozen = str(service.archived.id)
    assert service.found(hours=0.1) == set()
    assert ("nothing_is_overdue", frozen) in service.found(hours=1)
    assert ("who_pays_can_read", frozen) in service.found(hours=16)


def test_events_that_lack_digests_or_name_people_are_found(service: Service) -> None:
    gas = service.gas()
    bare = submit(gas, service.payer)
    head = gas.files.put(f"results/{bare.id}/1/annotated.vcf.gz", b"a result")
    file = {"key": head.key, "bytes": head.bytes, "sha256": "", "etag": head.etag}
    outcome: Outcome = an_outcome(files={"result": file}, input_sha256="0" * 64)
    with acting("worker:careless"):
        gas.service.start_annotation(bare.id, attempt=1, worker="w", provenance={})
        gas.service.record_annotation(bare.id, attempt=1, outcome=outcome)
    assert service.found() == {("what_was_made_is_there", str(bare.id))}

    archive = {"backend": "glacier_vault", "storage_class": "VAULT", "archive_id": "a"}
    archive |= {"bytes": 1, "sha256": "1" * 64}  # type: ignore[dict-item]
    with acting("worker:careless"):
        store = gas.service.store_result
        store(service.kept.id, lambda job: job.start_archive(in_place=True, attempt=1))
        store(service.kept.id, lambda job: job.record_archived(attempt=1, archive=archive))
    assert ("what_is_archived_is_safe", str(service.kept.id)) in service.found()

    with acting("worker:unlucky"):
        store(service.kept.id, lambda job: job.record_source_removed())
        store(service.kept.id, lambda job: job.request_thaw(attempt=2, reason="premium"))
        unlucky: dict[str, Any] = {"attempt": 2, "reason": "archive_altered", "retryable": False}
        store(service.kept.id, lambda job: job.record_thaw_failure(**unlucky))
    (frozen,) = [f for f in service.findings() if f.promise == "who_pays_can_read"]
    assert "archive_altered" in str(frozen)

    with acting("worker:careless"):
        store(service.failed.id, lambda job: job.record_input_removed(reason=f"by {NAME}, asked"))
    (leak,) = [f for f in service.findings() if f.promise == "log_names_nobody"]
    assert str(service.failed.id) in str(leak)
    assert NAME not in str(leak)  # it is not told again
