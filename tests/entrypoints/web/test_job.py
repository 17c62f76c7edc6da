"""The page of one job, and what can be done there."""

from __future__ import annotations

import gzip
import re
import urllib.request
from uuid import UUID, uuid4

import pytest

from entrypoints.web.formats import words
from tests.entrypoints.paying import provider_says
from tests.entrypoints.web.conftest import Browser, Site, hidden


@pytest.fixture
def completed(site: Site, browser: Browser, example: str) -> UUID:
    job_id = browser.submit(example, label="done")
    assert site.run(job_id).work == "completed"
    return job_id


def test_a_waiting_job_tells_its_place_and_refreshes_itself(browser: Browser, example: str) -> None:
    first, second = browser.submit(example), browser.submit(example)
    assert "Next in the queue." in browser.get(f"/jobs/{first}").text
    page = browser.get(f"/jobs/{second}").text
    assert "1 before it in the queue." in page
    assert f'hx-get="/jobs/{second}/live"' in page
    assert "The log appears here" in page


def test_a_running_job_tells_how_far_it_is(site: Site, browser: Browser, example: str) -> None:
    from domain.context import acting

    job_id = browser.submit(example)
    with acting("worker:test"):
        site.gas.service.start_annotation(job_id, attempt=1, worker="w", provenance={})
    progress = {"attempt": 1, "step": "annotating", "percent": 42}
    site.gas.records.put("progress", str(job_id), value=progress)
    page = browser.get(f"/jobs/{job_id}").text
    assert "42 %" in page
    assert re.search(r'aria-current="step".*?Annotating', page, re.DOTALL)


def test_the_live_part_answers_304_until_something_changes_and_then_stops_asking(
    site: Site, browser: Browser, example: str
) -> None:
    job_id = browser.submit(example)
    provider_says(site.gas, site.gas.service.job(job_id).owner)  # nothing is archived afterwards
    first = browser.get(f"/jobs/{job_id}/live")
    tag = {"If-None-Match": first.headers["ETag"]}
    assert browser.get(f"/jobs/{job_id}/live", headers=tag).status_code == 304
    site.run(job_id)
    last = browser.get(f"/jobs/{job_id}/live", headers=tag)
    assert last.status_code == 200
    assert "hx-get" not in last.text
    assert 'data-announce="Completed"' in last.text


def test_a_completed_job_shows_counts_charts_tables_digests_and_versions(
    site: Site, browser: Browser, completed: UUID
) -> None:
    page = browser.get(f"/jobs/{completed}").text
    job = site.gas.jobs.get(completed, owner=site.gas.service.job(completed).owner)
    for shown in (
        job["input"]["sha256"],
        job["result"]["sha256"],
        job["provenance"]["engine"],
        job["provenance"]["reference_sha256"],
    ):
        assert shown in page
    assert "<title" in page
    assert "<desc" in page
    for term in job["summary"]["by_consequence"]:
        assert page.count(f">{words(term)}<") == 2, f"{term}: in chart and table"
    assert f"/api/v1/jobs/{completed}/result" in page


def test_the_log_stands_in_the_page_with_an_anchor_for_every_line(
    browser: Browser, completed: UUID
) -> None:
    page = browser.get(f"/jobs/{completed}").text
    assert 'id="L1"' in page
    assert 'href="#L1"' in page


def test_no_page_holds_a_link_into_the_store(browser: Browser, completed: UUID) -> None:
    for path in ("/jobs", f"/jobs/{completed}", f"/jobs/{completed}/live"):
        text = browser.get(path).text
        assert "X-Amz-Signature" not in text
        assert "Signature=" not in text


def test_a_download_is_a_link_made_at_the_click(browser: Browser, completed: UUID) -> None:
    answer = browser.get(f"/jobs/{completed}/download/result")
    assert answer.status_code == 302
    assert "X-Amz-Signature" in answer.location
    with urllib.request.urlopen(answer.location, timeout=10) as file:
        text = gzip.decompress(file.read()).decode()
        assert "pasted.annotated.vcf.gz" in file.headers["Content-Disposition"]
    assert "BCSQ=" in text
    for what in ("input", "log", "index", "summary"):
        assert browser.get(f"/jobs/{completed}/download/{what}").status_code == 302, what


def test_what_does_not_exist_cannot_be_downloaded(browser: Browser, example: str) -> None:
    job_id = browser.submit(example)
    early = browser.get(f"/jobs/{job_id}/download/result")
    assert early.status_code == 404
    assert "Wait until it is completed" in early.text
    assert browser.get(f"/jobs/{job_id}/download/secrets").status_code == 404


PATHS = ("", "/live", "/delete", "/download/result", "/download/input", "/download/log")


def test_a_job_of_somebody_else_and_one_that_is_nobodys_look_the_same(
    browser: Browser, rival: Browser, completed: UUID
) -> None:
    def seen(job_id: UUID, path: str) -> tuple[int, str]:
        answer = rival.get(f"/jobs/{job_id}{path}")
        text = re.sub(r"[0-9a-f]{32}|[0-9a-f-]{36}|value=\"[^\"]*\"", "", answer.text)
        return answer.status_code, text

    for path in PATHS:
        assert seen(completed, path) == seen(uuid4(), path), path
        assert seen(completed, path)[0] == 404


def test_somebody_else_can_neither_cancel_nor_delete_nor_repeat(
    site: Site, browser: Browser, rival: Browser, example: str
) -> None:
    job_id = browser.submit(example)
    for action in ("cancel", "delete"):
        assert rival.send(f"/jobs/{job_id}/{action}").status_code == 404
    rival.send(f"/jobs/{job_id}/again", {"upload_id": uuid4().hex})
    site.keep_views()
    assert "No jobs yet." in rival.get("/jobs").text
    job = site.gas.service.job(job_id)
    assert (job.work, job.deletion_requested) == ("submitted", False)


@pytest.mark.parametrize("action", ["cancel", "again", "download/result"])
def test_actions_need_a_form_of_ours(browser: Browser, completed: UUID, action: str) -> None:
    answer = browser.client.post(f"/jobs/{completed}/{action}", base_url="http://127.0.0.1:8000")
    assert answer.status_code in {400, 405}


@pytest.mark.parametrize("action", ["cancel", "again"])
def test_looking_at_an_action_does_nothing(
    site: Site, browser: Browser, completed: UUID, action: str
) -> None:
    before = site.gas.service.job(completed).version
    assert browser.get(f"/jobs/{completed}/{action}").status_code == 405
    assert site.gas.service.job(completed).version == before


def test_cancelling_stops_a_job_and_says_so(site: Site, browser: Browser, example: str) -> None:
    job_id = browser.submit(example)
    answer = browser.send(f"/jobs/{job_id}/cancel")
    assert answer.location == f"/jobs/{job_id}"
    assert "Cancelled" in browser.get(answer.location).text
    assert site.gas.service.job(job_id).work == "cancelled"


def test_cancelling_what_is_finished_is_answered_on_its_page(
    browser: Browser, completed: UUID
) -> None:
    answer = browser.send(f"/jobs/{completed}/cancel")
    assert "too late" in browser.get(answer.location).text


def test_deleting_asks_first_and_then_removes_it_from_sight(
    site: Site, browser: Browser, completed: UUID
) -> None:
    assert "for good" in browser.get(f"/jobs/{completed}/delete").text
    answer = browser.send(f"/jobs/{completed}/delete")
    listed = browser.get(answer.location).text
    assert f"job-{completed}" not in listed
    assert browser.get(f"/jobs/{completed}").status_code == 404
    assert site.gas.service.job(completed).deletion_requested


def test_running_again_is_a_new_job_with_the_same_input_however_often_it_is_clicked(
    site: Site, browser: Browser, completed: UUID
) -> None:
    form = {"upload_id": hidden(browser.get(f"/jobs/{completed}").text, "upload_id")}
    places = {browser.send(f"/jobs/{completed}/again", form).location for _ in range(2)}
    assert len(places) == 1
    again = UUID(places.pop().rsplit("/", 1)[1])
    assert again != completed
    old, new = site.gas.service.job(completed), site.run(again)
    assert old.outcome is not None
    assert new.outcome is not None
    assert new.outcome["files"]["result"]["sha256"] == old.outcome["files"]["result"]["sha256"]


def test_a_failed_job_says_why_and_what_to_do(site: Site, browser: Browser, example: str) -> None:
    job_id = browser.submit(example)
    job = site.gas.service.job(job_id)
    site.gas.files.delete([job.input["key"]])
    assert site.run(job_id).work == "failed"
    page = browser.get(f"/jobs/{job_id}").text
    assert "This file could not be annotated" in page
    assert "input_missing" in page
    assert "submit it again" in page
    assert f"/jobs/{job_id}/again" not in page, "the same file would fail again"


def test_every_command_carries_who_and_the_requests_correlation_id(
    site: Site, browser: Browser, example: str
) -> None:
    from domain.log import read_log

    job_id = browser.submit(example)
    answer = browser.send(f"/jobs/{job_id}/cancel")
    cancelled = read_log(site.gas.service, after=0, limit=1000)[-1].event
    assert cancelled.correlation_id == answer.headers["X-Correlation-Id"]
    assert cancelled.actor == f"user:{site.gas.service.job(job_id).owner}"


def test_records_left_as_they_were_are_counted_with_the_reason(
    site: Site, browser: Browser, example: str
) -> None:
    breakend = "NC_045512.2\t1000\tbnd\tA\tA[NC_045512.2:2000[\t.\tPASS\t.\n"
    lines = example.splitlines(keepends=True)
    where = next(i for i, line in enumerate(lines) if "\t3037\t" in line)
    ref = reference_base(1000)
    job_id = browser.submit(
        "".join([*lines[:where], breakend.replace("\tA\tA[", f"\t{ref}\t{ref}["), *lines[where:]])
    )
    job = site.run(job_id)
    assert job.outcome is not None, job.failure
    page = browser.get(f"/jobs/{job_id}").text
    numbers = re.findall(r'number-value">([\d,]+)<', page)
    assert numbers == ["17", "16", "1"]
    assert "Records that are breakends, which have no consequence here: 1" in page


def reference_base(position: int) -> str:
    from adapters.annotator_bcftools.references import BUNDLED

    lines = (BUNDLED / "sars-cov-2" / "genome.fa").read_text().splitlines()[1:]
    return "".join(lines)[position - 1]
