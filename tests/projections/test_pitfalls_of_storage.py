"""How other services of this kind lose, freeze or mix up results (1-8 and 18-26), each shut out."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest

from domain.context import acting
from domain.errors import StaleAttempt, WrongState
from domain.job_events import FileRef
from domain.ports import ArchiveFailed
from projections.job_views import JOBS
from projections.leftovers import Leftovers
from tests.cold_world import GRACE, LATER, ColdWorld
from tests.interleavings import Fault, break_down, kill
from tests.world import GOOD, Killed


@pytest.fixture
def world(tmp_path: Path) -> ColdWorld:
    return ColdWorld(tmp_path)


def key_of(world: ColdWorld, job_id: UUID) -> str:
    result = world.job(job_id).result
    assert result is not None
    return str(result["key"])


def test_pitfall_1_the_source_stays_until_its_archive_is_recorded(world: ColdWorld) -> None:
    """The source is deleted although recording the archive failed, or before it was recorded."""
    for happen in (kill, break_down):
        for point in range(1, 120, 2):
            fresh = ColdWorld(world.tmp_path)
            job_id = fresh.annotated()
            fresh.time_passes(LATER)
            fresh.start(Fault("", point, happen))
            with suppress(Killed, OSError):
                fresh.run()
            if fresh.files.head(key_of(fresh, job_id)) is None:
                assert "job.archived.v1" in fresh.events_of(job_id)
                assert fresh.archive_is_whole(job_id)


def test_pitfall_2_a_failed_copy_back_leaves_the_archive(world: ColdWorld) -> None:
    """A failed copy back is logged, then the only archive is deleted."""
    job_id = world.thawing()
    (archive,) = world.archive.vault
    whole = world.archive.vault[archive]
    world.archive.vault[archive] = b"altered"
    world.wait()
    assert world.job(job_id).thaw_failure == {"reason": "archive_altered", "retryable": False}
    assert list(world.archive.vault) == [archive]
    world.archive.vault[archive] = whole  # mended by hand
    world.wait(timedelta(days=1))
    world.wait()
    world.wait()
    assert world.result_is_whole(job_id)


def test_pitfall_3_each_job_is_archived_with_its_own_bytes(world: ColdWorld) -> None:
    """A failed read leaves the previous message's bytes in a variable, which are archived under
    another user's job."""
    jobs = [world.annotated(GOOD + b"##" * n, upload_id=str(n)) for n in range(4)]
    world.files.delete([key_of(world, jobs[1])])
    world.wait()
    world.run()
    for job_id in (jobs[0], jobs[2], jobs[3]):
        assert world.archive_is_whole(job_id)
    assert world.job(jobs[1]).storage == "available"
    assert "job.archive_failed.v1" in world.events_of(jobs[1])


def test_pitfall_4_an_empty_archive_never_becomes_the_result(world: ColdWorld) -> None:
    """A drained stream is uploaded again as zero bytes."""
    job_id = world.thawing()
    (archive,) = world.archive.vault
    world.archive.vault[archive] = b""
    world.wait()
    assert world.job(job_id).storage == "archived"
    assert archive in world.archive.vault


@pytest.mark.parametrize(
    "name", ["v.vcf", "f.vcf.vcf.gz", "annotated.vcf.gz", "../../x.vcf", ".vcf"]
)
def test_pitfall_5_keys_do_not_come_from_file_names(world: ColdWorld, name: str) -> None:
    """Keys rebuilt by string surgery point elsewhere."""
    submission = world.gas.submission
    world.gas.uploading.receive(world.owner, filename=name, data=GOOD, upload_id="u")
    with acting("user:x"):
        job = submission.submit(world.owner, upload_id="u", reference="toy").aggregate
    world.run()
    assert key_of(world, job.id) == f"results/{job.id}/1/annotated.vcf.gz"
    world.wait()
    world.upgrade()
    world.run()
    world.wait()
    assert world.result_is_whole(job.id)


def test_pitfall_6_every_file_and_archive_has_its_digest_in_the_log(world: ColdWorld) -> None:
    """No digest anywhere."""
    job_id = world.archived()
    job = world.job(job_id)
    assert job.outcome is not None
    for file in job.outcome["files"].values():
        assert len(file["sha256"]) == 64
    assert job.archive_ref.sha256 == job.outcome["files"]["result"]["sha256"]
    digest = hashlib.sha256(world.archive.read(job.archive_ref)).hexdigest()
    assert digest == job.archive_ref.sha256


def test_pitfall_7_redelivery_does_not_archive_twice(world: ColdWorld) -> None:
    """Redelivery archives twice and orphans the first archive."""
    job_id = world.annotated()
    world.time_passes(LATER)
    world.keep_views()
    world.gas.sweeper.sweep()
    world.queues["archival"].visible *= 5
    world.run()
    assert world.events_of(job_id).count("job.archived.v1") == 1
    assert len(world.archive.vault) == 1


def test_pitfall_8_every_state_has_a_step_that_leads_on(world: ColdWorld) -> None:
    """A crash between two steps leaves a state no code path handles."""
    for point in range(1, 5000, 29):
        fresh = ColdWorld(world.tmp_path)
        fuse = Fault("", point, kill)
        job_id = fresh.annotated()
        fresh.start(fuse)
        with suppress(Killed):
            fresh.wait()
            fresh.upgrade()
            fresh.run()
            fresh.wait()
        fresh.restart()
        fresh.upgrade()
        for _ in range(3):
            fresh.wait()
        assert fresh.result_is_whole(job_id), point
        if not fuse.fired:
            return
    raise AssertionError("it never ran through")


def test_pitfall_18_upgrade_during_the_archive_gives_the_result_back(world: ColdWorld) -> None:
    """Upgrade during archive leaves a premium result frozen."""
    job_id = world.annotated()
    world.time_passes(LATER)
    world.start(Fault("MemoryArchive", 2, world.upgrade))
    world.run()
    world.wait()
    assert world.result_is_whole(job_id)


def test_pitfall_19_an_error_that_is_no_want_of_capacity_is_tried_again(world: ColdWorld) -> None:
    """Expedited fails for any reason and is treated as capacity."""
    job_id = world.archived()
    world.upgrade()
    world.start(Fault("MemoryArchive", 1, _refuse))
    world.run()
    assert world.job(job_id).thaw_failure == {"reason": "vault_refused", "retryable": True}
    world.wait(timedelta(seconds=6))
    world.wait()
    assert world.result_is_whole(job_id)


def test_pitfall_19_refused_capacity_is_recorded_as_the_tier_that_was_got(
    world: ColdWorld,
) -> None:
    """The fallback's variable is only set in the fallback."""
    world.archive.capacity = False
    job_id = world.thawing()
    started = [e for e in world.log() if e.topic == "job.thaw_started.v1"]
    assert [(e.payload["tier_asked"], e.payload["tier_got"]) for e in started] == [
        ("Expedited", "Standard")
    ]
    world.wait()
    assert world.result_is_whole(job_id)


def test_pitfall_20_a_retrieval_whose_output_expired_is_asked_for_again(world: ColdWorld) -> None:
    """A retrieval that takes long is marked failed and can never be tried again; its output
    expires after a day."""
    job_id = world.thawing()
    world.time_passes(timedelta(days=2))
    world.archive.expire()
    world.run()
    assert world.job(job_id).storage == "thawing"
    assert world.events_of(job_id).count("job.thaw_started.v1") == 2
    world.wait()
    assert world.result_is_whole(job_id)


def test_pitfall_21_restored_ended_and_upgraded_again(world: ColdWorld) -> None:
    """Restored, downgraded, upgraded again: nothing matches any more."""
    job_id = world.archived()
    for _ in range(2):
        world.upgrade()
        world.run()
        world.wait()
        assert world.result_is_whole(job_id)
        world.end()
        world.wait(GRACE)
        world.wait()
        assert world.job(job_id).storage == "archived"


def test_pitfall_22_the_end_of_a_subscription_archives_again(world: ColdWorld) -> None:
    """Downgrade never archives again."""
    world.upgrade()
    job_id = world.annotated()
    world.end()
    world.run()
    assert world.job(job_id).archive_due == world.now + timedelta(days=14)
    world.wait(GRACE)
    assert world.job(job_id).storage == "archived"


def test_pitfall_23_a_plan_that_cannot_be_read_never_means_free(world: ColdWorld) -> None:
    """ "Cannot read the role" means "free"."""
    world.upgrade()
    job_id = world.annotated()
    world.end()
    world.run()
    world.say("active", id="sub_2")
    world.time_passes(GRACE)
    world.keep_views()
    for point in range(1, 60):
        world.start(Fault("POPOApplicationRecorder", point, break_down))
        with suppress(OSError):
            world.gas.sweeper.sweep()
        while world.work("archival"):
            pass
        world.time_passes(timedelta(seconds=31))
    assert "job.archive_started.v1" not in world.events_of(job_id)
    assert world.result_is_whole(job_id)


def test_pitfall_24_asking_twice_retrieves_once(world: ColdWorld) -> None:
    """Double click restores and charges twice."""
    job_id = world.archived()
    world.upgrade()
    world.say("active")
    world.relay()
    for queue in world.queues.values():
        queue.visible *= 3
    world.run()
    assert world.events_of(job_id).count("job.thaw_requested.v1") == 1
    assert len(world.archive.retrievals) == 1


def test_pitfall_25_what_pages_show_is_where_the_file_is(world: ColdWorld) -> None:
    """Pages and storage disagree about whether a file is there."""
    job_id = world.annotated()
    seen = []
    for event in ("run", "wait", "upgrade", "run", "wait"):
        getattr(world, event)()
        world.keep_views()
        row = world.views.get(JOBS, "job", str(job_id)) or {}
        there = world.files.head(row["files"]["result"]["key"]) is not None
        assert (row["storage"] == "available") == there
        seen.append(row["storage"])
    assert seen == ["available", "archived", "archived", "thawing", "available"]


def test_pitfall_26_every_job_of_an_owner_comes_back(world: ColdWorld) -> None:
    """Only the first page of a query is read."""
    jobs = [world.submit(upload_id=str(n)).id for n in range(60)]
    world.run()
    world.wait()
    world.run()
    assert {world.job(job_id).storage for job_id in jobs} == {"archived"}
    world.upgrade()
    world.run()
    world.wait()
    assert all(world.result_is_whole(job_id) for job_id in jobs)


# --- what else must not happen -------------------------------------------------------------------


def test_an_overtaken_move_records_nothing(world: ColdWorld) -> None:
    job_id = world.thawing()
    result = FileRef(key="x", bytes=1, sha256="y", etag="z")
    with pytest.raises(StaleAttempt):
        world.service.store_result(
            job_id, lambda job: job.record_restored(attempt=1, result=result)
        )


def test_another_file_is_never_recorded_as_the_result(world: ColdWorld) -> None:
    job_id = world.thawing()
    attempt = world.job(job_id).storage_attempt
    other = FileRef(key="x", bytes=1, sha256="0" * 64, etag="z")
    with pytest.raises(WrongState, match="digest differs"):
        world.service.store_result(
            job_id, lambda job: job.record_restored(attempt=attempt, result=other)
        )


def test_a_missing_archive_is_said_and_nothing_is_deleted(world: ColdWorld) -> None:
    job_id = world.archived()
    world.archive.vault.clear()
    world.upgrade()
    world.run()
    failure = world.job(job_id).thaw_failure
    assert failure == {"reason": "archive_missing", "retryable": False}
    assert world.job(job_id).storage == "archived"


def test_housekeeping_leaves_archives_and_what_is_coming_back_alone(world: ColdWorld) -> None:
    world.archive.in_place = True
    job_id = world.thawing()
    gas = world.gas
    world.files.put(world.job(job_id).restored_key(), b"half of it")
    later = world.now + timedelta(days=400)
    left = Leftovers(gas.service, gas.views, gas.uploads, gas.files, lambda: later)
    before = {head.key for head in world.heads()}
    assert left.remove_files() == 0
    assert {head.key for head in world.heads()} == before


def test_a_free_owners_input_goes_after_thirty_days(world: ColdWorld) -> None:
    job_id = world.annotated()
    world.wait(timedelta(days=29))
    assert world.files.head(world.job(job_id).input["key"])
    world.wait(timedelta(days=2))
    assert world.job(job_id).input_removed
    assert world.files.head(world.job(job_id).input["key"]) is None


def _refuse() -> None:
    raise ArchiveFailed("vault_refused")
