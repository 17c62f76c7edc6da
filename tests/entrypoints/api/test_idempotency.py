"""Idempotency-Key: once is once, however often it is sent."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest

from entrypoints.bootstrap import Gas
from projections.erasure import IDEMPOTENCY
from tests.entrypoints.api.conftest import Api
from tests.entrypoints.api.jobs import a_form, submitted
from tests.entrypoints.running import Somebody
from tests.world import GOOD

KEY = {"Idempotency-Key": "key-1"}


def test_the_same_request_has_the_same_answer(api: Any) -> None:
    first = api.post("/jobs", **a_form(), headers=KEY)
    again = api.post("/jobs", **a_form(), headers=KEY)
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.json == first.json
    assert again.headers["Location"] == first.headers["Location"]
    assert again.headers["Idempotency-Replayed"] == "true"
    assert len(api.get("/jobs").json["jobs"]) == 1


def test_the_answer_stays_though_the_job_goes_on(api: Any) -> None:
    first = api.post("/jobs", **a_form(), headers=KEY)
    api.post(f"/jobs/{first.json['id']}/cancel")
    assert api.post("/jobs", **a_form(), headers=KEY).json == first.json


@pytest.mark.parametrize("other", [{"data": GOOD + b"x"}, {"label": "b"}, {"filename": "g.vcf"}])
def test_another_request_under_the_same_key_is_422(api: Any, other: dict[str, Any]) -> None:
    api.post("/jobs", **a_form(), headers=KEY)
    answer = api.post("/jobs", **a_form(**other), headers=KEY)
    assert (answer.status_code, answer.json["code"]) == (422, "idempotency_key_reused")
    assert len(api.get("/jobs").json["jobs"]) == 1


def test_the_key_holds_for_other_addresses_too(api: Any) -> None:
    job = submitted(api)
    assert api.post(f"/jobs/{job['id']}/cancel", headers=KEY).status_code == 200
    assert api.post(f"/jobs/{job['id']}/cancel", headers=KEY).status_code == 200
    answer = api.post("/uploads", json={"filename": "f"}, headers=KEY)
    assert answer.json["code"] == "idempotency_key_reused"


def test_spelling_of_json_does_not_matter(api: Any) -> None:
    one = api.post(
        "/uploads", data=b'{"filename":"f","bytes":1}', content_type="application/json", headers=KEY
    )
    two = api.post(
        "/uploads",
        data=b'{ "bytes": 1, "filename": "f" }',
        content_type="application/json; charset=utf-8",
        headers=KEY,
    )
    assert one.status_code == 201
    assert two.json == one.json


def test_two_people_may_choose_the_same_key(api: Any, bobs_api: Any) -> None:
    mine = api.post("/jobs", **a_form(), headers=KEY)
    bobs = bobs_api.post("/jobs", **a_form(), headers=KEY)
    assert bobs.status_code == 201
    assert mine.json["id"] != bobs.json["id"]


def test_a_refusal_frees_the_key(api: Any) -> None:
    assert api.post("/jobs", **a_form(reference="nope"), headers=KEY).status_code == 422
    assert api.post("/jobs", **a_form(), headers=KEY).status_code == 201


def test_of_duplicates_at_once_one_has_the_effect(app: Any, ada: Somebody) -> None:
    def send(_: int) -> Any:
        return Api(app.test_client(), ada).post("/jobs", **a_form(), headers=KEY)

    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(send, range(12)))
    assert {a.status_code for a in answers} == {201}
    assert len({a.json["id"] for a in answers}) == 1
    assert len(Api(app.test_client(), ada).get("/jobs").json["jobs"]) == 1


def test_duplicates_at_once_without_a_key_but_of_one_upload_are_one_job(
    app: Any, gas: Gas, ada: Somebody
) -> None:
    place = Api(app.test_client(), ada).post("/uploads", json={"filename": "f.vcf"}).json
    gas.uploads.put(place["fields"]["key"], GOOD)
    body = {"upload_id": place["upload_id"], "reference": "toy"}

    def send(_: int) -> Any:
        return Api(app.test_client(), ada).post("/jobs", json=body)

    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(send, range(12)))
    assert {a.status_code for a in answers} == {201}
    assert len({a.json["id"] for a in answers}) == 1


def test_a_claim_whose_process_died_is_taken_over(api: Any, gas: Gas, ada: Somebody) -> None:
    first = api.post("/jobs", **a_form(), headers=KEY)
    (row,) = gas.records.query(IDEMPOTENCY, str(ada.user))
    long_ago = (gas.clock() - timedelta(minutes=2)).timestamp()
    claim = {"request": row.value["request"], "until": long_ago}
    gas.records.put(IDEMPOTENCY, row.pk, row.sk, value=claim)
    again = api.post("/jobs", **a_form(), headers=KEY)
    assert again.status_code == 201
    assert again.json["id"] == first.json["id"]
    assert len(api.get("/jobs").json["jobs"]) == 1


@pytest.mark.parametrize("key", ["", "x" * 256])
def test_a_key_has_a_length(api: Any, key: str) -> None:
    answer = api.post("/jobs", **a_form(), headers={"Idempotency-Key": key})
    assert (answer.status_code, answer.json["code"]) == (422, "invalid_request")
