"""The ordered event feed."""

from __future__ import annotations

import threading
import time
from typing import Any

from entrypoints.api.documents import Events
from entrypoints.app import create_app
from entrypoints.bootstrap import Gas
from tests.entrypoints.api.conftest import Api
from tests.entrypoints.api.jobs import annotate, submitted, views_caught_up
from tests.entrypoints.running import Somebody, somebody


def everything(api: Any, **query: Any) -> list[dict[str, Any]]:
    """All events, page by page."""
    found: list[dict[str, Any]] = []
    after = 0
    while True:
        more = "".join(f"&{name}={value}" for name, value in query.items())
        page = api.get(f"/events?after={after}{more}").json
        Events.model_validate(page)
        if not page["events"]:
            return found
        found += page["events"]
        after = page["next"]


def test_a_user_sees_all_of_their_own_events_in_order_and_nobody_elses(
    api: Any, bobs_api: Any, gas: Gas
) -> None:
    mine, bobs = submitted(api), submitted(bobs_api)
    annotate(gas, mine)
    annotate(gas, bobs)
    views_caught_up(gas)
    for limit in (1, 2, 100):
        events = everything(api, limit=limit)
        positions = [event["sequence"] for event in events]
        assert positions == sorted(set(positions))
        assert {e["subject"] for e in events if e["type"].startswith("job.")} == {
            f"jobs/{mine['id']}"
        }
        assert [e["type"] for e in events if e["subject"] == f"jobs/{mine['id']}"] == [
            "job.submitted.v1",
            "job.annotation_started.v1",
            "job.annotation_completed.v1",
        ]


def test_an_auditor_sees_the_whole_log_without_gaps(app: Any, api: Any, gas: Gas) -> None:
    submitted(api)
    auditor = Api(app.test_client(), somebody(gas, "auditor", roles=("auditor",)))
    end = views_caught_up(gas)
    events = everything(auditor, limit=3)
    assert [int(e["sequence"]) for e in events] == list(range(1, end + 1))


def test_next_is_the_last_position_examined_not_the_last_found(
    api: Any, bobs_api: Any, gas: Gas
) -> None:
    submitted(api)
    submitted(bobs_api)
    end = views_caught_up(gas)
    page = api.get("/events").json
    assert page["next"] >= int(page["events"][-1]["sequence"])
    assert api.get(f"/events?after={page['next']}").json == {"events": [], "next": end}
    assert api.get("/events?types=job.deleted.v1").json == {"events": [], "next": end}


def test_types_choose(api: Any, gas: Gas) -> None:
    annotate(gas, submitted(api))
    views_caught_up(gas)
    events = everything(api, types="job.submitted.v1,%20job.annotation_completed.v1", limit=1)
    assert [e["type"] for e in events] == ["job.submitted.v1", "job.annotation_completed.v1"]


def test_a_position_of_the_future_stays_what_it_is(api: Any) -> None:
    assert api.get(f"/events?after={2**63 - 1}").json == {"events": [], "next": 2**63 - 1}


def test_a_quiet_wait_ends_early_when_something_comes(app: Any, gas: Gas, ada: Somebody) -> None:
    api = Api(app.test_client(), ada)
    views_caught_up(gas)
    after = api.get("/events").json["next"]
    later = threading.Timer(0.3, lambda: submitted(Api(app.test_client(), ada)))
    later.start()
    began = time.monotonic()
    page = api.get(f"/events?after={after}&wait=20").json
    assert time.monotonic() - began < 10
    assert [e["type"] for e in page["events"]] == ["job.submitted.v1"]
    later.join()


def test_others_events_do_not_end_a_wait(app: Any, gas: Gas, ada: Somebody, bob: Somebody) -> None:
    api = Api(app.test_client(), ada)
    views_caught_up(gas)
    after = api.get("/events").json["next"]
    later = threading.Timer(0.2, lambda: submitted(Api(app.test_client(), bob)))
    later.start()
    began = time.monotonic()
    page = api.get(f"/events?after={after}&wait=1").json
    assert time.monotonic() - began >= 1
    assert page["events"] == []
    assert page["next"] > after
    later.join()


def test_a_wait_ends_when_the_service_stops(gas: Gas, ada: Somebody) -> None:
    stop = threading.Event()
    api = Api(create_app(gas, stopping=stop.is_set).test_client(), ada)
    after = views_caught_up(gas)
    threading.Timer(0.2, stop.set).start()
    began = time.monotonic()
    assert api.get(f"/events?after={after}&wait=20").status_code == 200
    assert time.monotonic() - began < 10


def test_too_many_waiters_are_answered_at_once(gas: Gas, ada: Somebody) -> None:
    api = Api(create_app(gas, waiters=0).test_client(), ada)
    after = views_caught_up(gas)
    began = time.monotonic()
    assert api.get(f"/events?after={after}&wait=20").json["events"] == []
    assert time.monotonic() - began < 5


def test_events_tell_no_keys_of_files_and_no_workers(api: Any, gas: Gas) -> None:
    job = submitted(api, filename="secret-name.vcf", label="secret-label")
    annotate(gas, job)
    views_caught_up(gas)
    text = api.get("/events").text
    for inside in ("inputs/", "results/", "secret-name", "secret-label", "worker", "entrypoints"):
        assert inside not in text
