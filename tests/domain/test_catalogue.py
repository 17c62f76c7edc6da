"""What the outside is told: complete envelopes, and nothing of the inside."""

from __future__ import annotations

import json
from pathlib import Path

from domain.catalogue import cloud_event
from domain.context import acting
from tests.world import BAD, GOOD, World


def test_envelopes_are_cloudevents_in_order(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.submit(GOOD, upload_id="u")
    world.settle()
    events = [cloud_event(e) for e in world.log()]
    assert [e["type"] for e in events] == [
        "job.submitted.v1",
        "job.annotation_started.v1",
        "job.annotation_completed.v1",
    ]
    assert [int(e["sequence"]) for e in events] == [1, 2, 3]
    assert sorted(e["sequence"] for e in events) == [e["sequence"] for e in events]
    assert len({e["id"] for e in events}) == 3
    assert {e["specversion"] for e in events} == {"1.0"}
    assert [e["aggregateversion"] for e in events] == [1, 2, 3]
    assert len({e["correlationid"] for e in events}) == 1
    assert events == [cloud_event(e) for e in world.log()]


def test_nothing_of_the_inside_leaks(tmp_path: Path) -> None:
    world = World(tmp_path)
    for upload_id, data in (("a", GOOD), ("b", BAD)):
        job = world.submit(data, upload_id=upload_id)
        world.settle()
    with acting("user:x"):
        world.service.request_deletion(job.id, owner=world.owner)
    world.settle()
    text = json.dumps([cloud_event(e) for e in world.log()])
    assert "job.deleted.v1" in text
    for inside in ("results/", "inputs/", "worker", "domain.", "etag", "f.vcf"):
        assert inside not in text
