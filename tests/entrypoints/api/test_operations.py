"""What operators' machines ask for."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from entrypoints.app import create_app
from entrypoints.bootstrap import Gas
from entrypoints.readiness import BEAT, NEEDED, PROCESS, beat
from tests.entrypoints.api.jobs import annotate, submitted


class Broken:
    """Something behind the service that is down."""

    def __getattr__(self, name: str) -> Any:
        raise ConnectionError("down")


def test_ready_only_while_everything_that_works_is_heard_of(gas: Gas, stranger: Any) -> None:
    assert stranger.get("/healthz").status_code == 200
    assert stranger.get("/readyz").status_code == 503
    beat(gas, "work", NEEDED)
    ready = stranger.get("/readyz")
    assert (ready.status_code, ready.json["ready"]) == (200, True)
    beat(gas, "work", NEEDED - {"relay"})
    assert stranger.get("/readyz").json["checks"]["work"] == "not heard of: relay"
    beat(gas, "relay on another machine", {"relay"})
    assert stranger.get("/readyz").status_code == 200


def test_a_beat_does_not_last(gas: Gas, stranger: Any) -> None:
    long_ago = (gas.clock() - timedelta(seconds=11)).isoformat()
    value = {"at": long_ago, "parts": sorted(NEEDED)}
    gas.records.put(BEAT, PROCESS, "work", value=value)
    assert stranger.get("/readyz").status_code == 503


def test_the_beat_of_a_work_process_before_this_start_does_not_count(gas: Gas) -> None:
    beat(gas, "killed", NEEDED)
    client = create_app(gas).test_client()
    assert client.get("/readyz").status_code == 503
    beat(gas, "new", NEEDED)
    assert client.get("/readyz").status_code == 200


@pytest.mark.parametrize(
    ("part", "check"),
    [("uploads", "buckets"), ("files", "buckets"), ("queues", "queues"), ("records", "records")],
)
def test_not_ready_while_a_part_is_down(gas: Gas, app: Any, part: str, check: str) -> None:
    beat(gas, "work", NEEDED)
    broken: Any = {"annotation": Broken()} if part == "queues" else Broken()
    gas.__dict__[part] = broken
    answer = app.test_client().get("/readyz")
    assert answer.status_code == 503
    assert "ConnectionError" in answer.json["checks"][check]


def test_metrics_count_jobs_queues_and_answers(gas: Gas, app: Any, api: Any) -> None:
    annotate(gas, submitted(api))
    submitted(api)
    api.get("/jobs")
    text = app.test_client().get("/metrics").text
    assert 'gas_jobs{status="completed"} 1.0' in text
    assert 'gas_jobs{status="submitted"} 1.0' in text
    assert 'gas_queue_messages{queue="annotation",state="dead"} 0.0' in text
    assert 'gas_view_lag{view="jobs"} 0.0' in text
    assert f"gas_log_position {float(gas.service.recorder.max_notification_id() or 0)}" in text
    assert 'route="/api/v1/jobs",status="201"' in text


def test_metrics_name_no_job(app: Any, api: Any) -> None:
    job = submitted(api)
    api.get(f"/jobs/{job['id']}")
    assert job["id"] not in app.test_client().get("/metrics").text
