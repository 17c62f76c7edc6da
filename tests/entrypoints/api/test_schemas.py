"""The schemas that events point to: served to everybody, true of every event, only growing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter

from domain.catalogue import CATALOGUE, cloud_event
from domain.log import LoggedEvent
from entrypoints.api.schemas import schema_of
from tests.domain.test_golden_events import TOPICS, load
from tests.entrypoints.api.conftest import Api
from tests.entrypoints.api.jobs import submitted, views_caught_up
from tests.world import BAD, GOOD, World

PUBLISHED = Path(__file__).parents[2] / "golden" / "schemas.json"


def check(event: dict[str, Any]) -> None:
    """Raises when an event's data has not exactly the shape its type promises."""
    shape = CATALOGUE[str(event["type"])].shape
    promised: TypeAdapter[Any] = TypeAdapter(shape)
    promised.validate_json(json.dumps(event["data"]), strict=True, extra="forbid")


def test_every_event_of_a_walk_has_the_shape_it_points_to(tmp_path: Path) -> None:
    world = World(tmp_path)
    for upload_id, data in (("a", GOOD), ("b", BAD)):
        world.submit(data, upload_id=upload_id)
    world.settle()
    events = [cloud_event(logged) for logged in world.log()]
    assert {"job.annotation_completed.v1", "job.annotation_failed.v1"} <= {
        e["type"] for e in events
    }
    for event in events:
        check(event)


@pytest.mark.parametrize("topic", TOPICS)
def test_every_event_ever_written_has_the_shape_it_points_to(topic: str) -> None:
    event = load(topic)
    logged = LoggedEvent(1, topic, event.originator_id, event.originator_version, event)
    check(cloud_event(logged))


def test_whoever_reads_an_event_can_follow_its_dataschema(
    api: Api, stranger: Any, gas: Any
) -> None:
    submitted(api)
    views_caught_up(gas)
    for event in api.get("/events").json["events"]:
        answer = stranger.get(event["dataschema"])
        assert (answer.status_code, answer.content_type) == (200, "application/schema+json")
        assert answer.json["$id"] == event["dataschema"]
        assert set(answer.json.get("required", [])) == set(event["data"])


def test_all_schemas_are_listed_and_an_unknown_one_is_named(stranger: Any) -> None:
    listed = stranger.get("/api/v1/schemas").json["schemas"]
    assert sorted(listed) == TOPICS
    for address in listed.values():
        assert stranger.get(address).json["$schema"].endswith("2020-12/schema")
    answer = stranger.get("/api/v1/schemas/job.exploded.v1")
    assert (answer.status_code, answer.json["code"]) == (404, "not_found")
    assert "job.exploded.v1" in answer.json["detail"]


def grows(published: Any, now: Any) -> bool:
    """Whether everything that was promised still is; lists are of required fields. Words may be
    put better."""
    if isinstance(published, dict):
        promised = published.keys() - {"description", "title"}
        return all(key in now and grows(published[key], now[key]) for key in promised)
    if isinstance(published, list):
        return all(value in now for value in published)
    return bool(published == now)


def test_within_a_version_schemas_only_grow() -> None:
    published = json.loads(PUBLISHED.read_text())
    assert set(published) == set(CATALOGUE), "write it: python -m " + __name__
    for topic, schema in published.items():
        assert grows(schema, schema_of(topic)), topic


if __name__ == "__main__":
    schemas = {topic: schema_of(topic) for topic in sorted(CATALOGUE)}
    PUBLISHED.write_text(json.dumps(schemas, indent=1, sort_keys=True) + "\n")
