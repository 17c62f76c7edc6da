"""One random life of the service, driven by a seed: people, time, hints, crashes, paused workers.

Everything outside is in memory and everything runs in one thread, so a seed is a whole history.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from domain.context import acting
from domain.due import next_look
from domain.errors import DomainError
from domain.job import Job
from domain.leases import LEASE
from domain.ports import ArchiveRef
from domain.service import job_id_for
from projections.leftovers import Leftovers
from tests.builders import paid
from tests.world import BAD, GOOD, Fuse, Generous, Killed, World

JUMPS = (1, 31, 301, 301, 301, 15 * 86_400)  # seconds: a lease, retention, retrieval, grace
MOST_JOBS = 3


class Fault(Fuse):
    """At one point between outside calls something happens once: a kill, an error, a pause.

    ``part``: only points of that collaborator count; every one's when it is empty.
    """

    def __init__(self, part: str, at: int, happen: Callable[[], None]) -> None:
        super().__init__()
        self._part = part
        self._left = at
        self._happen: Callable[[], None] | None = happen

    @property
    def fired(self) -> bool:
        return self._happen is None

    def pass_point(self, part: str = "") -> None:
        self.points += 1
        self._left -= self._part in ("", part)
        if self._left <= 0 and self._happen is not None:
            happen, self._happen = self._happen, None
            happen()


def kill() -> None:
    raise Killed


def break_down() -> None:
    raise OSError("the backend does not answer")


@dataclass
class Owner:
    """What the payment provider knows of one person."""

    user: UUID
    status: str = ""
    messages: int = 0
    unheard: bool = False


class Life:
    """Draws what happens next; ``history`` is what has."""

    def __init__(self, seed: int, world: World) -> None:
        self.draw = random.Random(seed)
        self.world = world
        self.world.archive.in_place = self.draw.random() < 0.5
        others = [Owner(UUID(int=2**64 + seed))] if self.draw.random() < 0.3 else []
        self.owners = [Owner(self.world.owner), *others]
        self.jobs: list[UUID] = []
        self.history: list[str] = []
        self.paused = False

    def live(self, events: int) -> None:
        """So many things happen, then everything comes to rest."""
        if self.draw.random() < 0.8:
            self.submit()
            self.run()
        for _ in range(events):
            self.step()
        self.rest()

    def step(self, name: str = "") -> None:
        name = name or self.draw.choices(list(EVENTS), weights=[w for w, _ in EVENTS.values()])[0]
        self.history.append(name)
        if self.draw.random() < 0.4:
            self.arm()
        try:
            EVENTS[name][1](self)
        except Killed:
            self.history.append("killed")
            self.world.start()
        except (OSError, DomainError) as error:
            self.history.append(f"refused: {error}")
        self.check_bytes()

    def arm(self) -> None:
        """Something will go wrong a few outside calls from now."""
        happen = self.draw.choice([kill, break_down, self.pause, self.pause])
        part, most = self.draw.choice(FAULTS)
        self.history.append(f"armed {getattr(happen, '__name__', '')}")
        self.world.start(Fault(part, self.draw.randrange(1, most), happen))

    def pause(self) -> None:
        """Whoever runs stands still for longer than a lease while others go on."""
        if self.paused:
            return
        self.paused = True
        world = self.world
        held, gas, recorder = world.fuse, world.gas, world.service.events.recorder
        self.world.start()
        self.history.append("paused (")
        self.world.time_passes(LEASE + timedelta(seconds=1))
        for _ in range(self.draw.randrange(1, 7)):
            self.step(self.draw.choice(("turn", "turn", "")))
        self.history.append(") resumed")
        world.fuse, world.gas, world.service.events.recorder = held, gas, recorder
        self.paused = False

    # --- people ------------------------------------------------------------------------------

    def submit(self) -> None:
        if len(self.jobs) < MOST_JOBS:
            owner = self.draw.choice(self.owners)
            data = BAD if self.draw.random() < 0.1 else GOOD + b"##" * self.draw.randrange(9)
            upload = str(len(self.jobs))
            self.jobs.append(job_id_for(owner.user, upload))
            self.world.submit(data, upload_id=upload, owner=owner.user)

    def upgrade(self) -> None:
        self.tell(self.draw.choice(self.owners), "active")

    def overdue(self) -> None:
        owner = self.draw.choice(self.owners)
        if owner.status == "active":
            self.tell(owner, "past_due")

    def end(self) -> None:
        self.tell(self.draw.choice(self.owners), "canceled")

    def tell(self, owner: Owner, status: str) -> None:
        """The provider changes its mind and says so, perhaps twice, perhaps while it crashes."""
        owner.status = status
        owner.messages += 1
        owner.unheard = True
        for _ in range(self.draw.choice((1, 1, 2))):
            self.hear(owner)

    def hear(self, owner: Owner) -> None:
        with acting("system:billing"):
            self.world.gas.service.apply_billing(
                owner.user,
                message=f"{owner.messages}",
                ask=lambda: paid(status=owner.status, id="sub"),
            )
        owner.unheard = False

    def delete(self) -> None:
        self.command(lambda job: self.world.gas.service.request_deletion(job.id, owner=job.owner))

    def cancel(self) -> None:
        self.command(lambda job: self.world.gas.service.cancel_job(job.id, owner=job.owner))

    def command(self, act: Callable[[Job], Any]) -> None:
        accepted = self.accepted()
        if accepted:
            with acting("user:x"):
                act(self.draw.choice(accepted))

    def turn(self) -> None:
        """Somebody pays or stops paying, or time goes by; then all that is due is done."""
        turn = self.draw.choice(("cold", "warm", "wait"))
        self.history.append(turn)
        if turn != "wait":
            self.tell(self.owners[0], "active" if turn == "warm" else "canceled")
        if turn != "warm":
            self.world.time_passes(timedelta(seconds=self.draw.choice(JUMPS[-2:])))
        self.run()

    # --- what runs ---------------------------------------------------------------------------

    def run(self) -> None:
        """One process does everything that is due."""
        self.world.keep_views()
        self.world.gas.sweeper.sweep()
        self.run_dry()

    def work(self) -> None:
        self.world.work(self.draw.choice(list(self.world.queues)), self.draw.choice("ab"))

    def sweep(self) -> None:
        self.world.keep_views()
        self.world.gas.sweeper.sweep()

    def wait(self) -> None:
        self.world.time_passes(timedelta(seconds=self.draw.choice(JUMPS)))

    # --- the world ---------------------------------------------------------------------------

    def lose(self) -> None:
        self.draw.choice(list(self.world.queues.values())).visible.clear()

    def double(self) -> None:
        queue = self.draw.choice(list(self.world.queues.values()))
        queue.visible += queue.visible[:3]
        self.draw.shuffle(queue.visible)

    def expire(self) -> None:
        self.world.archive.expire()

    def crowd(self) -> None:
        self.world.archive.capacity = not self.world.archive.capacity

    # --- rest --------------------------------------------------------------------------------

    def rest(self) -> None:
        """No more faults; the provider's last word arrives; time jumps to whatever is next."""
        world = self.world
        world.start()
        if self.draw.random() < 0.7:
            self.tell(self.owners[0], "active")
        for owner in self.owners:
            if owner.unheard:  # who sends it tries again until it is taken
                self.hear(owner)
        world.time_passes(LEASE)
        for _ in range(60):
            self.run_dry()
            looks = [look for job in self.accepted() if (look := self.next_look(job))]
            if not looks:
                self.tidy()
                return
            world.time_passes(max(min(looks) - world.now, timedelta(seconds=16)))
            world.keep_views()
            world.gas.sweeper.sweep()
        due = [(job.id, job.storage, self.next_look(job)) for job in self.accepted()]
        raise AssertionError(f"the world does not come to rest: {due}")

    def run_dry(self) -> None:
        self.world.relay()
        self.world.keep_views()
        while sum(self.world.work(name) for name in self.world.queues):
            self.world.relay()
            self.world.keep_views()

    def tidy(self) -> None:
        """Files that nobody recorded go after a day, as housekeeping does."""
        world = self.world
        later = lambda: world.now + timedelta(days=3650)  # noqa: E731
        gas = world.gas
        Leftovers(gas.service, gas.views, gas.uploads, gas.files, later).remove_files()

    def next_look(self, job: Job) -> Any:
        return next_look(self.world.gas.outlook.situation(job), self.world.now)

    def accepted(self) -> list[Job]:
        """Read past the fuse: looking on is not part of what happens."""
        events = self.world.service.events
        fused, events.recorder = events.recorder, self.world.recorder
        jobs = []
        for job_id in self.jobs:
            with suppress(DomainError):
                jobs.append(self.world.service.job(job_id))
        events.recorder = fused
        return jobs

    # --- what must hold, always --------------------------------------------------------------

    def check_bytes(self) -> None:
        """At every moment each result is where the events say, whole."""
        for job in self.accepted():
            if job.work == "completed" and not job.deletion_requested:
                assert self.digest(job) == (job.result or {})["sha256"], job.storage

    def digest(self, job: Job) -> str:
        """Of the result where it is: readable, in the archive, or on its way between the two."""
        assert job.result is not None
        if job.storage in ("archived", "thawing"):
            return hashlib.sha256(self.cold(job.archive or {})).hexdigest()
        head = self.world.files.head(job.result["key"])
        assert head is not None, f"{job.storage}, but the file is gone"
        if job.storage == "available":
            assert head.storage_class == "STANDARD"
        return hashlib.sha256(self.world.files.asleep(head.key)).hexdigest()

    # --- what must hold ----------------------------------------------------------------------

    def check(self) -> None:
        """After rest: every result is where its owner's plan says, whole, and nothing else is."""
        named: set[str] = set()
        for job in self.accepted():
            named |= self.check_job(job)
        mine = {str(job) for job in self.jobs}
        kept = {head.key for head in self.world.heads() if head.key.split("/")[1] in mine}
        assert kept == named, (kept - named, named - kept)

    def check_job(self, job: Job) -> set[str]:
        """The keys of the job's files."""
        if job.deletion_requested:
            assert job.deleted
            assert job.storage == "removed"
            return set()
        assert job.work in ("completed", "failed", "cancelled")
        keys = {} if job.input_removed else {job.input["key"]}
        files = dict(job.outcome["files"]) if job.outcome else {}
        if job.log:
            files["log"] = job.log
        files.pop("result", None)
        keys = set(keys) | {file["key"] for file in files.values()}
        if job.work != "completed":
            assert job.storage == "none"
            return keys
        return keys | self.check_result(job)

    def check_result(self, job: Job) -> set[str]:
        assert job.result is not None
        assert job.outcome is not None
        assert job.result["sha256"] == job.outcome["files"]["result"]["sha256"]
        entitled = self.world.service.standing_of(job.owner).entitled(self.world.now)
        assert job.storage == ("available" if entitled else "archived"), (entitled, job.storage)
        if entitled:
            assert job.archive is None
            assert job.archive_due is None
            data = self.world.files.open(job.result["key"]).read()
        else:
            assert job.archive is not None
            data = self.cold(job.archive)
        assert hashlib.sha256(data).hexdigest() == job.result["sha256"]
        in_place = not entitled and self.world.archive.in_place
        return {job.result["key"]} if entitled or in_place else set()

    def cold(self, archive: dict[str, Any]) -> bytes:
        ref = ArchiveRef(**archive)
        if ref.backend == "s3_glacier":
            head = self.world.files.head(ref.archive_id)
            assert head is not None
            assert head.storage_class == ref.storage_class
        return self.world.archive.read(ref)


FAULTS = (("MemoryArchive", 6), ("MemoryArchive", 6), ("MemoryObjects", 8), ("", 150))  # below
EVENTS: dict[str, tuple[int, Callable[[Life], None]]] = {
    "turn": (12, Life.turn),
    "run": (6, Life.run),
    "work": (3, Life.work),
    "wait": (6, Life.wait),
    "submit": (1, Life.submit),
    "sweep": (2, Life.sweep),
    "upgrade": (3, Life.upgrade),
    "end": (3, Life.end),
    "overdue": (1, Life.overdue),
    "delete": (1, Life.delete),
    "cancel": (1, Life.cancel),
    "lose": (1, Life.lose),
    "double": (1, Life.double),
    "expire": (1, Life.expire),
    "crowd": (1, Life.crowd),
}


def life(seed: int, tmp_path: Path) -> None:
    """One life in memory."""
    live(Life(seed, World(tmp_path, seed=seed, service=Generous)), seed)


def live(lived: Life, seed: int) -> None:
    """Live a whole life and check what is left; the seed and the history are in any failure."""
    try:
        lived.live(lived.draw.randrange(5, 20))
        lived.check()
    except BaseException as error:
        error.add_note(f"seed {seed}: {', '.join(lived.history)}")
        raise
