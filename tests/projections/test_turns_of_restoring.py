"""Owners whose results are to come back take turns, however many results one of them has."""

from __future__ import annotations

from pathlib import Path
from uuid import UUID, uuid4

from hypothesis import given
from hypothesis import strategies as st

from domain.ports import ArchiveRef, ColdFile, Put, Retrieval
from projections.fairness import Turns, ahead_of, serve
from projections.storage_due import JOBS_OF_EACH, OWNERS_AT_ONCE, restoring
from tests.cold_world import LATER, ColdWorld
from tests.memory import MemoryArchive, MemoryViews
from tests.world import GOOD

CROWD = 200


def row(owner: str, at: int) -> dict[str, str]:
    return {"owner": owner, "work": "archived", "submitted_at": f"{at:03d}"}


@given(st.lists(st.sampled_from("abcd"), min_size=1, max_size=20), st.data())
def test_only_owners_served_longer_ago_go_first_each_with_one_line(
    owners: list[str], data: st.DataObject
) -> None:
    waiting = [(str(n), row(owner, n)) for n, owner in enumerate(owners)]
    order = data.draw(st.permutations("abcd"))
    served: dict[str, int] = {}
    for owner in order:
        serve(served, owner)
    hinted = data.draw(st.sampled_from([job_id for job_id, _ in waiting]))
    mine = owners[int(hinted)]
    lines = ahead_of(hinted, dict(waiting)[hinted], waiting, served)
    expected = [o for o in order[: order.index(mine)] if o in owners]
    assert [owners[int(line[0])] for line in lines] == expected
    for line, owner in zip(lines, expected, strict=True):
        assert line == [job_id for job_id, each in waiting if each["owner"] == owner]


@given(st.lists(st.sampled_from("abc"), min_size=1, max_size=30))
def test_whatever_the_order_of_hints_nobody_waits_two_rounds(owners: list[str]) -> None:
    """Each hint serves those before it and then its own: turns between owners differ by one."""
    left = {str(n): row(owner, n) for n, owner in enumerate(owners)}
    turns = Turns(lambda _: left.items(), {})
    seen: list[str] = []

    def do(job_id: str) -> None:
        owner = left.pop(job_id)["owner"]
        turns.serve(owner)
        seen.append(owner)

    for hinted in list(left):
        if hinted in left:
            for line in turns.ahead_of(hinted, left[hinted]):
                do(line[0])
            do(hinted)
    assert sorted(seen) == sorted(owners)
    for at, owner in enumerate(seen):
        waiting = set(seen[at:])
        last_turns = seen[max(0, at - len(waiting)) : at]
        assert last_turns.count(owner) <= 1 or waiting == {owner}


def test_the_view_says_what_is_to_come_back(tmp_path: Path) -> None:
    world = ColdWorld(tmp_path)
    job_id = world.archived()
    assert waiting(world) == []
    world.upgrade()
    world.keep_views()
    assert waiting(world) == [(str(job_id), "archived")]
    assert list(restoring(world.views, str(world.owner))) == []  # it is for others to see
    world.run()
    assert waiting(world) == [(str(job_id), "thawing")]
    world.wait(LATER)
    assert world.job(job_id).storage == "available"
    assert waiting(world) == []


def waiting(world: ColdWorld, beside: UUID | None = None) -> list[tuple[str, str]]:
    rows = restoring(world.views, str(beside or uuid4()))
    return [(job_id, row["work"]) for job_id, row in rows]


@given(
    st.lists(st.integers(min_value=0, max_value=40), max_size=60),
    st.integers(min_value=0, max_value=41),
)
def test_of_the_owners_who_follow_in_a_ring_the_oldest_few_are_seen(
    owners: list[int], beside: int
) -> None:
    views = MemoryViews()
    ids = {n: str(UUID(int=n)) for n in range(42)}
    puts = [
        Put("restoring", f"{ids[o]}|{n:03d}|{n}", {"owner": ids[o]}) for n, o in enumerate(owners)
    ]
    views.commit("storage_due", puts, after=0, position=1)
    there = sorted(set(owners) - {beside})
    ring = [o for o in there if o > beside] + [o for o in there if o < beside]
    expected = [
        str(n)
        for each in ring[:OWNERS_AT_ONCE]
        for n in [n for n, o in enumerate(owners) if o == each][:JOBS_OF_EACH]
    ]
    assert [job_id for job_id, _ in restoring(views, ids[beside])] == expected


class Busy:
    """A crowd that has begun to restore, and a guest who comes last."""

    def __init__(self, world: ColdWorld, crowd: int) -> None:
        self.world, self.guest = world, uuid4()
        for n in range(crowd):
            world.submit(upload_id=f"crowd {n}")
        self.late = world.submit(GOOD, upload_id="guest", owner=self.guest).id
        world.run()
        world.wait()
        world.run()
        world.upgrade()
        self.publish()
        for _ in range(4):  # the hint of the upgrade, and three of the results it leads to
            world.work("restoration")
        world.say("active", owner=self.guest)
        self.publish()

    def publish(self) -> None:
        self.world.relay()
        self.world.keep_views()

    def done(self, event: str) -> list[UUID]:
        return [e.aggregate_id for e in self.world.log() if e.topic == event]


def test_one_result_is_not_behind_two_hundred_of_somebody_else(tmp_path: Path) -> None:
    world = ColdWorld(tmp_path)
    busy = Busy(world, CROWD)
    asked = busy.done("job.thaw_started.v1")
    assert len(asked) == 3
    world.work("restoration")
    asked = busy.done("job.thaw_started.v1")
    assert (len(asked), asked.index(busy.late)) == (5, 3)  # then the one whose hint it was

    while world.work("restoration"):
        pass
    world.time_passes(LATER)
    world.keep_views()
    world.gas.sweeper.sweep()  # tells of the crowd's results first, as they wait longer
    world.work("restoration")
    back = busy.done("job.restored.v1")
    assert busy.late in back[:2]
    assert world.result_is_whole(busy.late)


class Refusing(MemoryArchive):
    """An archive that does not answer when it is asked for one of its files."""

    broken = ""

    def retrieve(self, ref: ArchiveRef, file: ColdFile) -> Retrieval:
        if ref.archive_id == self.broken:
            raise OSError("no answer")
        return super().retrieve(ref, file)


def test_a_result_that_cannot_be_restored_is_nobody_elses_trouble(tmp_path: Path) -> None:
    world = ColdWorld(tmp_path)
    world.archive = archive = Refusing(world.files, world.clock)
    world.start()
    busy = Busy(world, 6)
    archive.broken = world.job(busy.late).archive_ref.archive_id
    for _ in range(3):
        world.work("restoration")
    assert len(busy.done("job.thaw_started.v1")) == 6
    archive.broken = ""
    world.run()
    assert busy.late in busy.done("job.thaw_started.v1")
