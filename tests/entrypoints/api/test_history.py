"""What happened to a job, and how it stood at any moment."""

from __future__ import annotations

import json
from typing import Any

from entrypoints.api.history_documents import History
from entrypoints.bootstrap import Gas
from tests.entrypoints.api.jobs import annotate, submitted, views_caught_up


def history(api: Any, job: dict[str, Any], query: str = "") -> Any:
    answer = api.get(f"/jobs/{job['id']}/history{query}")
    assert answer.status_code == 200, answer.text
    History.model_validate(answer.json)
    return answer.json


def test_the_job_is_shown_as_it_stood_at_each_version(api: Any, gas: Gas) -> None:
    job = submitted(api)
    annotate(gas, job)
    states = [history(api, job, f"?at={version}")["state"] for version in (1, 2, 3)]
    assert [s["version"] for s in states] == [1, 2, 3]
    assert [s["job"]["status"] for s in states] == ["submitted", "running", "completed"]
    assert [s["job"]["storage"] for s in states] == ["none", "none", "available"]
    now = api.get(f"/jobs/{job['id']}").json
    last = states[-1]["job"]
    assert {name: now[name] for name in last if name in now} == {
        name: value for name, value in last.items() if name != "deletion_requested"
    }


def test_a_time_stands_for_the_last_version_of_then(api: Any, gas: Gas) -> None:
    job = submitted(api)
    annotate(gas, job)
    for event in history(api, job)["events"]:
        time = event["time"].replace("+00:00", "Z")
        state = history(api, job, f"?at={time}")["state"]
        assert (state["version"], state["time"]) == (event["aggregateversion"], event["time"])
    assert history(api, job, "?at=2999-01-01")["state"]["version"] == 3


def test_a_comparison_names_what_differs_and_nothing_else(api: Any, gas: Gas) -> None:
    job = submitted(api)
    annotate(gas, job)
    found = history(api, job, "?diff=1..2")["difference"]
    changes = {c["field"]: (c["before"], c["after"]) for c in found["changes"]}
    assert changes["status"] == ("submitted", "running")
    assert changes["attempt"] == (0, 1)
    assert set(changes) <= {
        *("status", "attempt", "started_at"),
        *(f"provenance.{name}" for name in found["after"]["job"]["provenance"]),
    }
    back = history(api, job, "?diff=2..1")["difference"]["changes"]
    assert {c["field"]: (c["after"], c["before"]) for c in back} == changes
    assert history(api, job, "?diff=3..3")["difference"]["changes"] == []


def test_a_moment_that_never_was_is_a_sentence(api: Any) -> None:
    job = submitted(api)
    for query, says in (
        ("at=2", "only version 1"),
        ("at=0", "no version 0"),
        ("at=-1", "A moment is a version"),
        ("at=2001-01-01", "not there yet"),
        ("at=yesterday", "A moment is a version"),
        ("at=9999-12-31T23:59:59-23:59", ""),
        ("diff=1", "like this: 2..5"),
        ("diff=1..x", "A moment is a version"),
        ("at=" + "9" * 60, "no version"),
    ):
        answer = api.get(f"/jobs/{job['id']}/history?{query}")
        if says:
            assert (answer.status_code, answer.json["code"]) == (422, "unknown_moment"), query
            assert says in answer.json["detail"]
        else:
            assert answer.status_code == 200


def test_the_history_says_that_its_owner_asked_and_the_service_did(
    api: Any, gas: Gas, ada: Any
) -> None:
    job = submitted(api)
    annotate(gas, job)
    who = [(e["authtype"], e.get("authid")) for e in history(api, job)["events"]]
    assert who == [("app_user", str(ada.user)), ("system", None), ("system", None)]


def test_a_deleted_jobs_history_stays_and_has_no_names(api: Any, gas: Gas) -> None:
    job = submitted(api, filename="secret-name.vcf", label="secret-label")
    annotate(gas, job)
    api.delete(f"/jobs/{job['id']}")
    views_caught_up(gas)
    found = history(api, job, "?at=3&diff=1..4")
    assert [e["type"] for e in found["events"]][-1] == "job.deletion_requested.v1"
    assert not found["state"]["job"]["deletion_requested"]
    assert found["difference"]["after"]["job"]["deletion_requested"]
    assert "secret" not in json.dumps(found)


def test_nobody_elses_history_is_shown_at_any_moment(api: Any, bobs_api: Any) -> None:
    job = submitted(api)
    for query in ("", "?at=1", "?at=99", "?diff=1..1", "?at=nonsense"):
        answer = bobs_api.get(f"/jobs/{job['id']}/history{query}")
        assert (answer.status_code, answer.json["code"]) == (404, "not_found")
