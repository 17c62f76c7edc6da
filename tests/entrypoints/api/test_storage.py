"""Storage and plans as programs see them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from domain.context import acting
from domain.plans import OVERDUE_LASTS
from domain.ports import Put
from entrypoints.api.documents import JobDocument, Me
from entrypoints.bootstrap import Gas
from projections.job_views import JOBS
from tests.entrypoints.api.jobs import annotate, submitted, views_caught_up
from tests.entrypoints.paying import provider_says
from tests.entrypoints.running import Somebody, a_gas, kept_views

ALWAYS = ("input", "log")


@pytest.fixture
def gas(tmp_path: Path) -> Iterator[Gas]:
    """A service that archives results at once and restores them at once."""
    gas = a_gas(tmp_path, settings={"free_retention": 0, "grace": 600})
    gas.archive.RETRIEVAL = timedelta(0)  # type: ignore[attr-defined]
    with kept_views(gas):
        yield gas


@pytest.fixture
def job(gas: Gas, api: Any) -> dict[str, Any]:
    job = submitted(api)
    annotate(gas, job)
    return job


def attend(gas: Gas, job: dict[str, Any], *queues: str) -> None:
    for queue in queues:
        gas.work(queue).attend(UUID(job["id"]), at_least=0, stopping=lambda: False)
    views_caught_up(gas)


def test_an_archived_result_is_refused_with_a_code_and_a_sentence(
    gas: Gas, api: Any, job: dict[str, Any]
) -> None:
    attend(gas, job, "archival")
    shown = api.get(f"/jobs/{job['id']}").json
    JobDocument.model_validate(shown)
    assert shown["storage"] == "archived"
    assert shown["archived_at"]
    assert (shown["archives_at"], shown["expected_by"]) == (None, None)
    assert api.get("/jobs").json["jobs"][0] == shown
    answer = api.get(f"/jobs/{job['id']}/result")
    assert answer.status_code == 409
    assert answer.content_type == "application/problem+json"
    assert answer.json["code"] == "result_archived"
    assert "upgrade to Premium to restore it" in answer.json["detail"]
    for what in ALWAYS:
        assert api.get(f"/jobs/{job['id']}/{what}").status_code == 302


def test_a_result_is_refused_while_it_is_restored_and_then_comes_from_its_new_place(
    gas: Gas, api: Any, ada: Somebody, job: dict[str, Any]
) -> None:
    first = api.get(f"/jobs/{job['id']}/result").location
    attend(gas, job, "archival")
    provider_says(gas, ada.user)
    assert api.get(f"/jobs/{job['id']}/result").json["code"] == "result_restoring"
    with acting("worker:test"):
        gas.service.store_result(
            UUID(job["id"]), lambda found: found.request_thaw(attempt=2, reason="premium")
        )
    thawing = api.get(f"/jobs/{job['id']}").json
    JobDocument.model_validate(thawing)
    assert thawing["storage"] == "thawing"
    assert api.get(f"/jobs/{job['id']}/result").json["code"] == "result_restoring"
    attend(gas, job, "restoration", "archival")
    shown = api.get(f"/jobs/{job['id']}").json
    assert (shown["storage"], shown["archived_at"], shown["expected_by"]) == (
        "available",
        None,
        None,
    )
    second = api.get(f"/jobs/{job['id']}/result")
    assert second.status_code == 302
    assert second.location != first


def test_an_archive_that_is_scheduled_is_told(gas: Gas, api: Any, job: dict[str, Any]) -> None:
    due = gas.clock() + timedelta(minutes=5)
    with acting("worker:test"):
        gas.service.store_result(
            UUID(job["id"]), lambda found: found.schedule_archive(due=due, policy="test")
        )
    assert api.get(f"/jobs/{job['id']}").json["archives_at"] == due.isoformat()


def test_a_vanished_result_is_a_sentence_and_no_link(
    gas: Gas, api: Any, job: dict[str, Any]
) -> None:
    found = gas.service.job(UUID(job["id"])).result
    assert found
    gas.files.delete([found["key"]])
    answer = api.get(f"/jobs/{job['id']}/result")
    assert (answer.status_code, answer.json["code"]) == (404, "file_missing")


def test_a_result_that_sleeps_in_a_cold_class_is_never_linked(
    gas: Gas, api: Any, job: dict[str, Any]
) -> None:
    found = gas.service.job(UUID(job["id"])).result
    assert found
    for cold in ("GLACIER", "DEEP_ARCHIVE", "GLACIER_IR"):
        gas.files.change_class(found["key"], cold)  # type: ignore[attr-defined]
        answer = api.get(f"/jobs/{job['id']}/result")
        assert (answer.status_code, answer.json["code"]) == (409, "result_archived"), cold


def test_a_removed_input_is_gone_for_good(gas: Gas, api: Any, job: dict[str, Any]) -> None:
    with acting("worker:test"):
        gas.service.store_result(
            UUID(job["id"]), lambda found: found.record_input_removed(reason="kept long enough")
        )
    assert api.get(f"/jobs/{job['id']}").json["input_removed"] is True
    answer = api.get(f"/jobs/{job['id']}/input")
    assert (answer.status_code, answer.json["code"]) == (410, "input_removed")
    assert "Upload the file anew" in answer.json["detail"]


def test_me_says_how_the_plan_stands(gas: Gas, api: Any, ada: Somebody) -> None:
    def me() -> dict[str, Any]:
        answer: dict[str, Any] = api.get("/me").json
        Me.model_validate(answer)
        return answer

    nothing = {"state": "free", "until": None, "archives_again_at": None}
    assert (me()["plan"], me()["subscription"]) == ("free", nothing)
    provider_says(gas, ada.user)
    assert (me()["plan"], me()["subscription"]) == ("premium", nothing | {"state": "paid"})
    assert api.get("/usage").json["plan"]["input_bytes"] == 5 * 2**30
    ends = gas.clock() + timedelta(days=3)
    provider_says(gas, ada.user, ends=ends)
    assert me()["subscription"] == {
        "state": "ending",
        "until": ends.isoformat(),
        "archives_again_at": (ends + timedelta(seconds=600)).isoformat(),
    }
    provider_says(gas, ada.user)
    provider_says(gas, ada.user, "past_due")
    assert me()["plan"] == "premium"
    assert me()["subscription"]["state"] == "overdue"
    later = gas.clock() + OVERDUE_LASTS + timedelta(minutes=1)
    gas.__dict__["clock"] = gas.service.clock = lambda: later
    assert (me()["plan"], me()["subscription"]["state"]) == ("free", "lapsed")
    provider_says(gas, ada.user, "canceled")
    assert (me()["plan"], me()["subscription"]["state"]) == ("free", "ended")
    assert me()["subscription"]["until"] == later.isoformat()


def test_the_signed_form_follows_the_plan_at_once(gas: Gas, api: Any, ada: Somebody) -> None:
    assert api.post("/uploads", json={"filename": "a.vcf"}).json["max_bytes"] == 153_600
    big = {"filename": "a.vcf", "bytes": 200_000}
    assert api.post("/uploads", json=big).json["code"] == "too_large"
    provider_says(gas, ada.user)
    assert api.post("/uploads", json=big).json["max_bytes"] == 5 * 2**30
    provider_says(gas, ada.user, "canceled")
    assert api.post("/uploads", json=big).json["code"] == "too_large"


def test_a_list_row_from_before_there_was_an_archive_still_shows(
    gas: Gas, api: Any, job: dict[str, Any]
) -> None:
    owner, position = f"owner:{gas.service.job(UUID(job['id'])).owner}", gas.views.position(JOBS)
    (key, row), *_ = gas.views.query(JOBS, owner)
    old = {name: value for name, value in row.items() if name != "stored"}
    gas.views.commit(JOBS, [Put(owner, key, old)], after=position, position=position)
    assert "stored" not in gas.views.query(JOBS, owner)[0][1]
    assert api.get("/jobs").json["jobs"] == [api.get(f"/jobs/{job['id']}").json]
