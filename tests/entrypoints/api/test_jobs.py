"""Uploads and jobs through the API."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

import pytest

from entrypoints.api.documents import JobDocument, Jobs, UploadDocument
from entrypoints.bootstrap import Gas
from tests.entrypoints.api.jobs import a_form, annotate, put_upload, submitted
from tests.world import BAD, GOOD


def test_an_upload_becomes_a_job_that_completes(api: Any, gas: Gas) -> None:
    place = api.post("/uploads", json={"filename": "sample.vcf", "bytes": len(GOOD)})
    assert place.status_code == 201
    UploadDocument.model_validate(place.json)
    put_upload(gas, place.json["fields"]["key"])
    body = {"upload_id": place.json["upload_id"], "reference": "toy", "label": "mine"}
    accepted = api.post("/jobs", json=body)
    assert accepted.status_code == 201
    assert accepted.headers["Location"] == f"/api/v1/jobs/{accepted.json['id']}"
    assert accepted.json["status"] == "submitted"
    annotate(gas, accepted.json)
    job = api.get(f"/jobs/{accepted.json['id']}").json
    JobDocument.model_validate(job)
    assert (job["status"], job["storage"]) == ("completed", "available")
    assert (job["filename"], job["label"]) == ("sample.vcf", "mine")
    assert job["summary"]["records_out"] == 1
    assert job["result"]["sha256"]


def test_a_small_file_can_come_with_the_request(api: Any) -> None:
    job = submitted(api, filename="small.vcf", label="äöü")
    assert (job["filename"], job["label"], job["input"]["bytes"]) == ("small.vcf", "äöü", len(GOOD))


def test_submitting_an_upload_again_gives_the_same_job(api: Any, gas: Gas) -> None:
    place = api.post("/uploads", json={"filename": "f.vcf"}).json
    put_upload(gas, place["fields"]["key"])
    body = {"upload_id": place["upload_id"], "reference": "toy"}
    first, second = api.post("/jobs", json=body), api.post("/jobs", json=body)
    assert first.json["id"] == second.json["id"]
    assert len(api.get("/jobs").json["jobs"]) == 1


def test_nothing_uploaded_is_a_sentence(api: Any) -> None:
    place = api.post("/uploads", json={"filename": "f.vcf"}).json
    answer = api.post("/jobs", json={"upload_id": place["upload_id"], "reference": "toy"})
    assert answer.status_code == 404
    assert "Upload the file first" in answer.json["detail"]


def test_a_job_that_failed_says_why(api: Any, gas: Gas) -> None:
    job = submitted(api, data=BAD)
    annotate(gas, job)
    shown = api.get(f"/jobs/{job['id']}").json
    JobDocument.model_validate(shown)
    assert shown["status"] == "failed"
    assert shown["error"]["line"] == 1
    assert shown["error"]["message"].startswith("Line 1")
    assert api.get(f"/jobs/{job['id']}/result").status_code == 404
    assert api.get(f"/jobs/{job['id']}/log").status_code == 302


@pytest.mark.parametrize("what", ["input", "result", "log"])
def test_files_are_links_made_at_the_click(api: Any, gas: Gas, what: str) -> None:
    job = submitted(api, filename="ü sample.vcf")
    annotate(gas, job)
    answer = api.get(f"/jobs/{job['id']}/{what}")
    assert answer.status_code == 302
    assert "seconds=300" in answer.headers["Location"]
    assert answer.headers["Cache-Control"] == "no-store"


def test_a_result_that_is_not_there_yet_is_a_sentence(api: Any) -> None:
    answer = api.get(f"/jobs/{submitted(api)['id']}/result")
    assert answer.status_code == 404
    assert "Wait until it is completed" in answer.json["detail"]


# --- lists ---------------------------------------------------------------------------------------


def test_lists_show_a_command_at_once(api: Any) -> None:
    job = submitted(api)
    assert [j["id"] for j in api.get("/jobs").json["jobs"]] == [job["id"]]
    api.post(f"/jobs/{job['id']}/cancel")
    assert [j["status"] for j in api.get("/jobs").json["jobs"]] == ["cancelled"]
    api.delete(f"/jobs/{job['id']}")
    assert api.get("/jobs").json["jobs"] == []


def test_pages_hold_every_job_once_newest_first(api: Any) -> None:
    made = [submitted(api, filename=f"{n}.vcf")["id"] for n in range(7)]
    seen: list[str] = []
    cursor = ""
    while True:
        page = api.get(f"/jobs?limit=3&cursor={cursor}").json
        Jobs.model_validate(page)
        seen += [job["id"] for job in page["jobs"]]
        cursor = page["next"]
        if not cursor:
            break
    assert seen == made[::-1]


def test_lists_are_filtered(api: Any, gas: Gas) -> None:
    done, waiting = submitted(api, label="Alpha"), submitted(api, label="beta")
    annotate(gas, done)
    annotated = f"/jobs?status={api.get('/jobs/' + done['id']).json['status']}"

    def ids(path: str) -> list[str]:
        return [job["id"] for job in api.get(path).json["jobs"]]

    assert ids("/jobs?label=alp") == [done["id"]]
    assert ids("/jobs?label=beta&reference=toy") == [waiting["id"]]
    assert ids("/jobs?reference=other") == []
    assert done["id"] in ids(annotated)


# --- changes -------------------------------------------------------------------------------------


def test_a_cancelled_job_stays_cancelled(api: Any, gas: Gas) -> None:
    job = submitted(api)
    assert api.post(f"/jobs/{job['id']}/cancel").json["status"] == "cancelled"
    again = api.post(f"/jobs/{job['id']}/cancel")
    assert (again.status_code, again.json["status"]) == (200, "cancelled")
    annotate(gas, job)
    assert api.get(f"/jobs/{job['id']}").json["status"] == "cancelled"


def test_cancelling_what_is_finished_names_its_state(api: Any, gas: Gas) -> None:
    job = submitted(api)
    annotate(gas, job)
    answer = api.post(f"/jobs/{job['id']}/cancel")
    assert (answer.status_code, answer.json["code"]) == (409, "wrong_state")
    assert "completed" in answer.json["detail"]


def test_a_deleted_job_is_gone(api: Any) -> None:
    job = submitted(api)
    assert api.delete(f"/jobs/{job['id']}").status_code == 204
    assert api.get(f"/jobs/{job['id']}").status_code == 404
    assert api.delete(f"/jobs/{job['id']}").status_code == 404
    assert api.post(f"/jobs/{job['id']}/cancel").status_code == 404


def test_a_change_decided_on_an_older_version_is_refused(api: Any) -> None:
    job = submitted(api)
    path = f"/jobs/{job['id']}"
    etag = api.get(path).headers["ETag"]
    assert etag == '"1"'
    stale = api.post(f"{path}/cancel", headers={"If-Match": '"7"'})
    assert (stale.status_code, stale.json["code"]) == (412, "version_mismatch")
    assert api.get(path).json["status"] == "submitted"
    odd = api.post(f"{path}/cancel", headers={"If-Match": '"one", "two"'})
    assert odd.status_code == 412
    assert api.post(f"{path}/cancel", headers={"If-Match": etag}).status_code == 200
    assert api.delete(path, headers={"If-Match": etag}).status_code == 412
    assert api.delete(path, headers={"If-Match": "*"}).status_code == 204


def test_an_unchanged_job_is_304(api: Any) -> None:
    path = f"/jobs/{submitted(api)['id']}"
    assert api.get(path, headers={"If-None-Match": '"1"'}).status_code == 304
    api.post(f"{path}/cancel")
    assert api.get(path, headers={"If-None-Match": '"1"'}).status_code == 200


def test_the_history_is_the_jobs_own(api: Any, gas: Gas) -> None:
    job, other = submitted(api), submitted(api)
    annotate(gas, job)
    events = api.get(f"/jobs/{job['id']}/history").json["events"]
    assert [e["type"] for e in events] == [
        "job.submitted.v1",
        "job.annotation_started.v1",
        "job.annotation_completed.v1",
    ]
    assert [e["aggregateversion"] for e in events] == [1, 2, 3]
    assert {e["subject"] for e in events} == {f"jobs/{job['id']}"}
    assert other["id"] != job["id"]


# --- the plan ------------------------------------------------------------------------------------


def test_the_plans_counts_are_kept_and_told(api: Any) -> None:
    limit = api.get("/usage").json["plan"]["jobs_at_once"]
    for n in range(limit):
        submitted(api, filename=f"{n}.vcf")
    usage = api.get("/usage").json
    assert (usage["jobs_open"], usage["jobs_today"]) == (limit, limit)
    answer = api.post("/jobs", **a_form())
    assert (answer.status_code, answer.json["code"]) == (429, "plan_limit")
    assert "Retry-After" in answer.headers


def test_a_file_above_the_plan_is_refused_early_and_late(api: Any) -> None:
    limit = api.get("/usage").json["plan"]["input_bytes"]
    early = api.post("/uploads", json={"filename": "f.vcf", "bytes": limit + 1})
    late = api.post("/jobs", **a_form(GOOD + b"x" * limit))
    assert (early.status_code, early.json["code"]) == (413, "too_large")
    assert (late.status_code, late.json["code"]) == (413, "too_large")
    assert api.post("/jobs", **a_form(b"")).json["code"] == "empty_file"


# --- unusual input -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    ["../../etc/passwd", "..\\..\\boot.ini", "a\x00b.vcf", "\n", "файл.vcf", "x" * 900, "«💥».vcf"],
)
def test_any_file_name_is_only_a_name(api: Any, gas: Gas, name: str) -> None:
    place = api.post("/uploads", json={"filename": name}).json
    assert place["fields"]["key"].split("/")[0] == "uploads"
    put_upload(gas, place["fields"]["key"])
    job = api.post("/jobs", json={"upload_id": place["upload_id"], "reference": "toy"}).json
    assert not set(job["filename"]) & set("/\\\x00\n")
    assert 0 < len(job["filename"]) <= 200
    assert job["filename"] in {name, name.replace("\\", "/").split("/")[-1]} | {
        "ab.vcf",
        "unnamed.vcf",
        "x" * 200,
    }


@pytest.mark.parametrize(
    ("body", "content_type", "status", "code"),
    [
        (b"[]", "application/json", 422, "invalid_request"),
        (b'"text"', "application/json", 422, "invalid_request"),
        (b"null", "application/json", 422, "invalid_request"),
        (b"{", "application/json", 400, "malformed_json"),
        (b"", "application/json", 400, "malformed_json"),
        (b"\xff\xfe", "application/json", 400, "malformed_json"),
        (b"[" * 100_000, "application/json", 400, "malformed_json"),
        (b"{}", "application/json", 422, "invalid_request"),
        (b'{"upload_id": 7, "reference": "toy"}', "application/json", 422, "invalid_request"),
        (b'{"upload_id": "u", "reference": "toy", "x": 1}', "application/json", 422, None),
        (b'{"upload_id": "nobody", "reference": "toy"}', "application/json", 404, "not_found"),
        (b"a=b", "application/x-www-form-urlencoded", 415, "unsupported_media_type"),
        (b"<xml/>", "text/xml", 415, "unsupported_media_type"),
        (b"anything", "", 415, "unsupported_media_type"),
        (b"no boundary", "multipart/form-data", 422, "invalid_request"),
    ],
)
def test_a_wrong_body_is_a_sentence(
    api: Any, body: bytes, content_type: str, status: int, code: str | None
) -> None:
    answer = api.post("/jobs", data=body, content_type=content_type)
    assert answer.status_code == status, answer.text
    assert code is None or answer.json["code"] == code
    assert len(answer.json["detail"]) > 10


def test_an_unknown_reference_is_told_which_there_are(api: Any) -> None:
    answer = api.post("/jobs", **a_form(reference="hg99"))
    assert (answer.status_code, answer.json["code"]) == (422, "unknown_reference")


@pytest.mark.parametrize(
    "job_id",
    ["x", "1" * 5000, "%00", "..%2f..%2fetc", "{00000000-0000-0000-0000-000000000000}", "💥",
     "00000000-0000-0000-0000-00000000000g", "-1"],
)  # fmt: skip
def test_any_id_that_is_none_is_404(api: Any, job_id: str) -> None:
    answer = api.get(f"/jobs/{job_id}")
    assert answer.status_code == 404
    assert len(answer.json["detail"]) < 200


@pytest.mark.parametrize(
    ("path", "word"),
    [
        ("/jobs?limit=0", "limit"),
        ("/jobs?limit=101", "limit"),
        ("/jobs?limit=ten", "limit"),
        ("/jobs?limit=1e3", "limit"),
        ("/jobs?status=done", "status"),
        ("/jobs?colour=red", "colour"),
        ("/jobs?status=failed&status=running", "twice"),
        ("/jobs?cursor=💥", "cursor"),
        ("/jobs?cursor=%2F%2F", "cursor"),
        ("/me?x=1", "none"),
        ("/events?after=-1", "after"),
        ("/events?after=99999999999999999999999", "after"),
        ("/events?wait=86400", "wait"),
        ("/events?types=job.exploded.v1", "job.exploded.v1"),
    ],
)
def test_a_wrong_query_is_422_and_names_it(api: Any, path: str, word: str) -> None:
    answer = api.get(path)
    assert answer.status_code == 422, answer.text
    assert answer.content_type == "application/problem+json"
    assert word in answer.json["detail"]


def test_a_file_above_ten_megabytes_is_413(api: Any) -> None:
    answer = api.post("/jobs", **a_form(b"x" * (11 * 2**20)))
    assert (answer.status_code, answer.json["code"]) == (413, "too_large")


def test_two_files_are_refused(api: Any) -> None:
    form = a_form()
    form["data"]["other"] = form["data"]["file"]
    assert api.post("/jobs", **form).status_code in {400, 422}


def test_methods_that_do_not_fit_say_which_do(api: Any) -> None:
    answer = api.put("/jobs")
    assert answer.status_code == 405
    assert answer.content_type == "application/problem+json"
    assert {"GET", "POST"} <= set(answer.headers["Allow"].replace(" ", "").split(","))
    assert api.get("/nothing/here").json["code"] == "not_found"
    head = api.head("/jobs")
    assert (head.status_code, head.data) == (200, b"")
    assert "GET" in api.options("/jobs").headers["Allow"]


def test_a_fault_of_ours_is_a_500_that_says_nothing_of_the_inside(
    api: Any, app: Any, gas: Gas
) -> None:
    job = submitted(api)
    gas.service.events.recorder = None  # type: ignore[assignment]
    answer = api.get(f"/jobs/{job['id']}")
    assert (answer.status_code, answer.json["code"]) == (500, "internal_error")
    assert "NoneType" not in json.dumps(answer.json)
    assert answer.json["correlation_id"]


def test_ids_are_uuids(api: Any) -> None:
    assert UUID(submitted(api)["id"])


@pytest.mark.parametrize("text", ["\ud800", "a\udfffb"])
def test_text_that_is_no_text_is_refused(api: Any, text: str) -> None:
    name = api.post("/uploads", json={"filename": text})
    label = api.post("/jobs", json={"upload_id": "u", "reference": "toy", "label": text})
    assert (name.status_code, label.status_code) == (422, 422)
