"""Mail: each one once, whatever happens to hints; twice only when nobody can know."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from domain.context import acting
from domain.job import Job
from domain.mails import SHELF_LIFE, Notice, occasion_of
from domain.ports.mails import Mail, MailFailed
from domain.service import job_id_for
from domain.subscription import subscription_id_of
from entrypoints.mails.unsent import AGAIN_AFTER, BEHIND, READER
from entrypoints.people import PROFILE
from entrypoints.relay import POSITION
from entrypoints.worker import Hint
from projections.notification import MOST_AN_HOUR, TRIES
from projections.notification_book import (
    CLAIM_LASTS,
    CLAIMED,
    LEFT_OUT,
    MAIL,
    REFUSED,
    SENT,
    UNKNOWN,
    Entry,
)
from tests.builders import paid
from tests.conftest import SOAK
from tests.interleavings import Life
from tests.world import BAD, GOOD, Fuse, Generous, Killed, World

ADDRESS = "ada@example.org"
DONE, FAILED = "f.vcf is annotated", "f.vcf could not be annotated"
THROTTLED = MailFailed("SES answered TooManyRequestsException.", retryable=True)
LOST = MailFailed("SES did not answer.", retryable=True, unsure=True)
BOUNCED = MailFailed("SES answered MessageRejected.", retryable=False)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return a_world(tmp_path)


def a_world(tmp_path: Path) -> World:
    """An owner who pays nothing and has an address."""
    world = World(tmp_path, service=Generous)
    profile = {"name": "Ada Example", "email": ADDRESS, "organization": ""}
    world.records.put(PROFILE, str(world.owner), value=profile)
    with acting("system:test"):
        world.service.open_account(world.owner)
    return world


def run(world: World, *queues: str) -> None:
    """Everything of these queues (all but the mails, where none is given) until nothing moves."""
    names = queues or tuple(name for name in world.queues if name != "notification")
    moving = True
    while moving:
        world.relay()
        if not queues:
            world.keep_views()
        moving = any(world.work(name) for name in names)


def finished(world: World, data: bytes = GOOD, upload_id: str = "u") -> Job:
    job = world.submit(data, upload_id=upload_id)
    run(world)
    return world.service.job(job.id)


def archived(world: World) -> Job:
    job = finished(world)
    run(world, "notification")
    world.time_passes(world.gas.policy.retention)
    run(world)
    assert world.service.job(job.id).storage == "archived"
    return job


def bill(world: World, message: str, **changes: object) -> None:
    with acting("system:billing"):
        world.service.apply_billing(world.owner, message=message, ask=lambda: paid(**changes))


def attend(world: World, job: Job) -> None:
    world.gas.work("notification").attend(job.id, at_least=0, stopping=lambda: False)


def entries(world: World, job: Job) -> dict[str, Entry]:
    """The mails of a job by kind."""
    return {entry.kind: entry for entry in world.gas.mail_book.entries(job.id)}


def test_a_finished_job_is_told_with_the_time_its_result_stays(world: World) -> None:
    job = finished(world)
    run(world, "notification")
    (mail,) = world.mailer.sent
    assert (mail.to, mail.subject) == (ADDRESS, DONE)
    assert "until 22 November 2026, 12:05 UTC" in " ".join(mail.text.split())
    assert f"http://127.0.0.1:8000/jobs/{job.id}" in mail.text
    assert entries(world, job)["job_finished"].state == SENT


def test_a_failed_job_is_told_with_the_reason(world: World) -> None:
    finished(world, BAD)
    run(world, "notification")
    (mail,) = world.mailer.sent
    assert mail.subject == FAILED
    assert "#CHROM" in mail.text


def test_pitfall_46_doubled_and_shuffled_hints_send_each_mail_once(tmp_path: Path) -> None:
    for seed in range(20):
        world = a_world(tmp_path)
        jobs = [finished(world, GOOD, f"u{n}") for n in range(3)]
        chance = random.Random(seed)
        hints = [Hint(job.id, chance.randrange(4)) for job in jobs for _ in range(4)]
        chance.shuffle(hints)
        for hint in hints:
            world.queues["notification"].send(hint.body())
        run(world, "notification")
        assert Counter(world.mailer.subjects()) == {DONE: 3}


def test_the_whole_life_of_a_result_is_told_each_step_once(world: World) -> None:
    archived(world)
    run(world, "notification")
    bill(world, "evt_1")
    run(world)
    run(world, "notification")
    world.time_passes(world.archive.RETRIEVAL)
    world.gas.sweeper.sweep()
    run(world)
    run(world, "notification")
    assert Counter(world.mailer.subjects()) == {
        DONE: 1,
        "The result of f.vcf is archived": 1,
        "You are on the Premium plan": 1,
        "The result of f.vcf is being restored": 1,
        "The result of f.vcf is back": 1,
    }


# --- what the finished mail says is not said again -----------------------------------------------


def test_who_wants_no_mail_of_results_is_told_when_one_will_be_archived(world: World) -> None:
    with acting(f"user:{world.owner}"):
        world.service.change_mail_preferences(world.owner, ["results"])
    job = finished(world)
    run(world, "notification")
    assert world.mailer.subjects() == [
        "The result of f.vcf will be archived on 22 November 2026, 12:05 UTC"
    ]
    assert entries(world, job)["job_finished"].detail == "not wanted"


def test_the_end_of_a_plan_is_one_mail_however_many_results_there_are(world: World) -> None:
    bill(world, "evt_1")
    for n in range(5):
        finished(world, GOOD, f"u{n}")
    run(world, "notification")
    world.mailer.sent.clear()
    bill(world, "evt_2", status="canceled")
    run(world)
    run(world, "notification")
    assert [e.topic for e in world.log()].count("job.archive_scheduled.v1") == 5
    (mail,) = world.mailer.sent
    assert mail.subject == "Your Premium plan has ended"
    assert "until 6 December 2026, 12:00 UTC" in mail.text


# --- what is not sent ----------------------------------------------------------------------------


def test_who_has_no_address_gets_none(world: World) -> None:
    world.records.delete(PROFILE, str(world.owner))
    job = finished(world)
    run(world, "notification")
    assert world.mailer.sent == []
    assert entries(world, job)["job_finished"].detail == "no address"


def test_mails_about_the_plan_come_whatever_one_prefers(world: World) -> None:
    with acting(f"user:{world.owner}"):
        world.service.change_mail_preferences(world.owner, ["storage", "results"])
    finished(world)
    bill(world, "evt_1", status="past_due")
    run(world)
    run(world, "notification")
    assert Counter(world.mailer.subjects()) == {
        "You are on the Premium plan": 1,
        "Your payment for GAS Premium failed": 1,
    }


def test_a_deleted_job_is_told_no_more(world: World) -> None:
    job = finished(world)
    with acting(f"user:{world.owner}"):
        world.service.request_deletion(job.id, owner=world.owner)
    run(world, "notification")
    run(world)
    run(world, "notification")
    assert world.mailer.sent == []


def test_what_is_older_than_a_day_is_not_told(world: World) -> None:
    finished(world)
    world.time_passes(SHELF_LIFE + timedelta(seconds=1))
    run(world, "notification")
    assert world.gas.unsent_mails().look() == 0
    assert world.mailer.sent == []


def test_what_is_no_longer_so_is_not_told(world: World) -> None:
    job = archived(world)
    bill(world, "evt_1")
    run(world)
    world.mailer.sent.clear()
    run(world, "notification")
    assert "The result of f.vcf is archived" not in world.mailer.subjects()
    book = [(entry.state, entry.detail) for entry in world.gas.mail_book.entries(job.id)]
    assert (LEFT_OUT, "no longer so") in book


def test_without_a_sender_the_reason_is_noted(world: World) -> None:
    world.gas.__dict__["mailer"] = None
    job = finished(world)
    run(world, "notification")
    assert entries(world, job)["job_finished"].detail == "no sender is set"


def test_nobody_gets_hundreds_of_mails_and_the_last_one_says_so(world: World) -> None:
    for n in range(MOST_AN_HOUR + 5):
        finished(world, BAD, f"u{n}")
    run(world, "notification")
    assert len(world.mailer.sent) == MOST_AN_HOUR
    *others, last = world.mailer.sent
    assert "until 22 November 2026, 13:00 UTC" in " ".join(last.text.split())
    assert not any("13:00" in mail.text for mail in others)
    world.time_passes(timedelta(hours=1))
    finished(world, BAD, "later")
    run(world, "notification")
    assert len(world.mailer.sent) == MOST_AN_HOUR + 1


# --- when sending fails --------------------------------------------------------------------------


def test_what_was_not_taken_is_sent_when_the_hint_comes_back(world: World) -> None:
    job = finished(world)
    world.mailer.fails = [THROTTLED] * 3
    for _ in range(3):
        with pytest.raises(MailFailed):
            attend(world, job)
    attend(world, job)
    assert world.mailer.subjects() == [DONE]


def test_what_is_refused_for_ever_is_noted_and_never_tried_again(world: World) -> None:
    job = finished(world)
    world.mailer.fails = [BOUNCED]
    attend(world, job)
    attend(world, job)
    entry = entries(world, job)["job_finished"]
    assert (entry.state, entry.detail) == (REFUSED, "SES answered MessageRejected.")
    assert world.mailer.sent == []


def test_a_lost_answer_costs_one_more_try_and_no_third(world: World) -> None:
    job = finished(world)
    world.mailer.fails = [LOST, LOST]
    with pytest.raises(MailFailed):
        attend(world, job)
    attend(world, job)
    attend(world, job)
    assert world.mailer.subjects() == [DONE, DONE]
    assert entries(world, job)["job_finished"].state == UNKNOWN


def test_one_mail_that_fails_holds_no_other_back(world: World) -> None:
    with acting(f"user:{world.owner}"):
        world.service.change_mail_preferences(world.owner, [])
    job = archived(world)
    for key in [key for key in world.records.rows if key[0] == MAIL]:
        del world.records.rows[key]
    world.mailer.sent.clear()
    world.mailer.fails = [THROTTLED]
    with pytest.raises(MailFailed):
        attend(world, job)
    assert world.mailer.subjects() == ["The result of f.vcf is archived"]
    attend(world, job)
    assert world.mailer.subjects() == ["The result of f.vcf is archived", DONE]


def test_what_somebody_else_is_sending_is_left_to_them_for_a_while(world: World) -> None:
    job = finished(world)
    (event,) = [e for e in world.log() if e.topic == "job.annotation_completed.v1"]
    claim = world.gas.mail_book.entry(job.id, event.version)
    world.gas.mail_book.write(claim, CLAIMED, tries=1)
    attend(world, job)
    assert DONE not in world.mailer.subjects()
    world.time_passes(CLAIM_LASTS)
    attend(world, job)
    assert world.mailer.subjects().count(DONE) == 1


def test_a_sender_paused_past_its_claim_makes_it_two_and_never_three(world: World) -> None:
    job = finished(world, BAD)

    class Paused:
        def send(self, mail: Mail) -> str:
            world.gas.__dict__["mailer"] = world.mailer
            world.time_passes(CLAIM_LASTS)
            attend(world, job)
            return world.mailer.send(mail)

    world.gas.__dict__["mailer"] = Paused()
    attend(world, job)
    attend(world, job)
    assert world.mailer.subjects() == [FAILED, FAILED]
    assert entries(world, job)["job_failed"].state == SENT


def test_after_two_senders_that_died_there_is_no_third(world: World) -> None:
    job = finished(world, BAD)

    class Deadly:
        def send(self, mail: Mail) -> str:
            world.mailer.send(mail)
            raise Killed

    world.gas.__dict__["mailer"] = Deadly()
    for _ in range(2):
        with pytest.raises(Killed):
            attend(world, job)
        world.time_passes(CLAIM_LASTS)
    attend(world, job)
    assert world.mailer.subjects() == [FAILED, FAILED]
    assert entries(world, job)["job_failed"].state == UNKNOWN


def test_of_two_workers_at_the_same_mail_one_sends_it(world: World) -> None:
    job = finished(world, BAD)
    letters = world.gas.letters

    class Overtaken:
        def compose(self, notice: Notice, to: str) -> Mail:
            """While one writes the mail the other one is faster."""
            world.gas.__dict__["letters"] = letters
            attend(world, job)
            return letters.compose(notice, to)

    world.gas.__dict__["letters"] = Overtaken()
    attend(world, job)
    assert world.mailer.subjects() == [FAILED]


# --- lost hints ----------------------------------------------------------------------------------


def lose_hints(world: World) -> None:
    world.relay()
    world.queues["notification"].visible.clear()
    world.queues["notification"].held.clear()


def test_a_lost_hint_is_found_a_little_later(world: World) -> None:
    finished(world)
    lose_hints(world)
    unsent = world.gas.unsent_mails()
    assert unsent.look() == 0, "it may still be on its usual way"
    world.time_passes(BEHIND)
    assert unsent.look() == 2
    assert unsent.look() == 0, "it is on its way again"
    run(world, "notification")
    assert world.mailer.subjects() == [DONE]
    assert unsent.look() == 0
    assert unsent.waiting == {}


def test_a_hint_lost_again_is_sent_again(world: World) -> None:
    finished(world, BAD)
    world.time_passes(BEHIND)
    unsent = world.gas.unsent_mails()
    assert unsent.look() == 1
    lose_hints(world)
    world.time_passes(AGAIN_AFTER)
    assert unsent.look() == 1


def test_the_position_never_passes_a_mail_that_is_not_settled(world: World) -> None:
    finished(world, BAD, "a")
    finished(world, BAD, "b")
    lose_hints(world)
    first, last = [e.position for e in world.log() if e.topic == "job.annotation_failed.v1"]
    world.time_passes(BEHIND)
    unsent = world.gas.unsent_mails()
    unsent.look()
    assert position(world) == first - 1
    world.mailer.fails = [LOST]
    run(world, "notification")
    unsent.look()
    settled = position(world)
    assert settled in (first - 1, last - 1)
    world.time_passes(AGAIN_AFTER)
    world.gas.unsent_mails().look()  # after a restart, from where the position is
    run(world, "notification")
    unsent.look()
    assert position(world) == world.log()[-1].position
    assert len(world.mailer.sent) == 3


def position(world: World) -> int:
    record = world.records.get(POSITION, READER)
    return record.value["position"] if record else 0


def test_an_old_log_is_read_once_and_nothing_of_it_is_mailed(world: World) -> None:
    for n in range(60):
        finished(world, BAD, f"u{n}")
    lose_hints(world)
    world.time_passes(SHELF_LIFE)
    young = finished(world, BAD, "young")
    lose_hints(world)
    world.time_passes(BEHIND)
    assert world.gas.unsent_mails().look() == 1
    run(world, "notification")
    assert len(world.mailer.sent) == 1
    assert entries(world, young)["job_failed"].state == SENT


# --- kills ---------------------------------------------------------------------------------------


def told(tmp_path: Path) -> World:
    """Three mails to send, and nothing of them done."""
    world = a_world(tmp_path)
    bill(world, "evt_1")
    finished(world, GOOD, "good")
    finished(world, BAD, "bad")
    return world


def send_all(world: World) -> None:
    unsent = world.gas.unsent_mails()
    for _ in range(4):
        run(world, "notification")
        world.time_passes(CLAIM_LASTS)
        unsent.look()


def sent_but_not_noted(world: World) -> Iterator[str]:
    """Subjects of mails that went out while nothing says so."""
    ids = [job_id_for(world.owner, name) for name in ("good", "bad")]
    ids.append(subscription_id_of(world.owner))
    noted = {e.detail for i in ids for e in world.gas.mail_book.entries(i) if e.state == SENT}
    for number, mail in enumerate(world.mailer.sent, start=1):
        if f"mail-{number}" not in noted:
            yield mail.subject


def test_killed_at_any_point_each_mail_comes_and_twice_only_when_nobody_knew(
    tmp_path: Path,
) -> None:
    expected = {DONE: 1, FAILED: 1, "You are on the Premium plan": 1}
    whole = told(tmp_path)
    whole.start(Fuse())
    send_all(whole)
    assert Counter(whole.mailer.subjects()) == expected
    assert whole.fuse.points > 80
    doubled = 0
    for blow_at in range(1, whole.fuse.points + 1):
        world = told(tmp_path)
        world.start(Fuse(blow_at))
        with pytest.raises(Killed):
            send_all(world)
        world.start()
        unknown = Counter(sent_but_not_noted(world))
        world.time_passes(CLAIM_LASTS)
        send_all(world)
        assert Counter(world.mailer.subjects()) == Counter(expected) + unknown
        doubled += unknown.total()
    assert doubled == 6, "each of three mails, after it was sent and before it was noted"


# --- what is kept --------------------------------------------------------------------------------


def test_what_is_noted_and_logged_of_mails_names_nobody(world: World) -> None:
    finished(world)
    finished(world, BAD, "bad")
    world.mailer.fails = [BOUNCED]
    with capture_logs() as logs:
        run(world, "notification")
    assert sorted(line["event"] for line in logs) == ["mail.refused", "mail.sent"]
    kept = [row.value for (kind, _, _), row in world.records.rows.items() if kind == MAIL]
    noted = json.dumps([kept, logs])
    assert "job_finished" in noted
    for name in (ADDRESS, "Ada", "f.vcf"):
        assert name not in noted


def test_whatever_happens_each_mail_is_settled_after_two_tries_at_most(tmp_path: Path) -> None:
    """Random lives of the service, with crashes, pauses and lost hints at any outside call."""
    sent = 0
    for seed in range(1000 if SOAK else 30):
        life = Life(seed, World(tmp_path, seed=seed, service=Generous))
        for owner in life.owners:
            profile = {"name": "", "email": ADDRESS, "organization": ""}
            life.world.records.put(PROFILE, str(owner.user), value=profile)
        life.live(15)
        life.world.start()
        send_all(life.world)
        check_settled(life.world, seed)
        sent += len(life.world.mailer.sent)
    assert sent > 50


def check_settled(world: World, seed: int) -> None:
    oldest = world.now - SHELF_LIFE
    occasions = [e for e in world.log() if occasion_of(e.event)]
    book = [world.gas.mail_book.entry(e.aggregate_id, e.version) for e in occasions]
    for event, entry in zip(occasions, book, strict=True):
        assert entry.settled or event.event.timestamp < oldest, (seed, event, entry)
        assert entry.tries <= TRIES, (seed, entry)
    names = [entry.detail for entry in book if entry.state == SENT]
    assert len(set(names)) == len(names), seed
    assert len(names) <= len(world.mailer.sent) <= sum(entry.tries for entry in book), seed
