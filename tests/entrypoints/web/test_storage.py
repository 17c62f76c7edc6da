"""Where a result is, on the page of its job and in the list, and what downloads answer then."""

from __future__ import annotations

import gzip
import re
import urllib.request
from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from domain.context import acting
from domain.ports import Retrieval
from entrypoints.web.formats import moment
from tests.entrypoints.paying import provider_says, wait_until
from tests.entrypoints.web.conftest import Browser, Site
from tests.entrypoints.web.paid_pages import attend, cashier, settings, stripe

__all__ = ["cashier", "settings", "stripe"]


@pytest.fixture
def completed(site: Site, browser: Browser, example: str) -> UUID:
    job_id = browser.submit(example)
    assert site.run(job_id).work == "completed"
    return job_id


@pytest.fixture
def archived(site: Site, completed: UUID) -> UUID:
    """Its retention was no time at all."""
    assert attend(site, completed, "archival").storage == "archived"
    return completed


def owner_of(site: Site, job_id: UUID) -> UUID:
    return site.gas.service.job(job_id).owner


def scheduled(site: Site, job_id: UUID, seconds: float) -> str:
    """Have the archive due in so many seconds, as the page is told."""
    due = site.gas.clock() + timedelta(seconds=seconds)
    with acting("system:test"):
        site.gas.service.store_result(
            job_id, lambda job: job.schedule_archive(due=due, policy="test")
        )
    site.keep_views()
    return due.isoformat()


def test_when_it_archives_is_counted_down_and_plain_without_scripts(
    site: Site, browser: Browser, completed: UUID
) -> None:
    due = moment(scheduled(site, completed, 192))
    for path in (f"/jobs/{completed}", "/jobs"):
        page = browser.get(path).text
        assert f'<span class="no-js-only">{due}</span>' in page
        assert f"in {str(due).replace('<time', '<time data-countdown')}" in page
    assert 'href="/plan"' in browser.get(f"/jobs/{completed}/live").text


def test_an_archived_result_says_since_when_and_leads_to_the_plan(
    site: Site, browser: Browser, archived: UUID
) -> None:
    since = site.gas.service.job(archived).archived_at
    assert since
    page = browser.get(f"/jobs/{archived}").text
    assert f"Archived since {moment(since)}" in page
    assert re.search(r'href="/plan"[^>]*>.*?Archived, upgrade to restore', page)
    assert f"/jobs/{archived}/download/result" not in page
    assert f"/api/v1/jobs/{archived}/result" not in page
    assert 'id="L1"' in page, "the log is in the page"
    assert 'data-announce="Completed, archived"' in page
    assert re.search(r'class="row-hint">.*?archived', browser.get("/jobs").text, re.DOTALL)


def test_an_archived_result_is_never_linked_and_all_else_is(
    browser: Browser, archived: UUID
) -> None:
    answer = browser.get(f"/jobs/{archived}/download/result")
    assert answer.status_code == 409
    assert re.search(r"archived since .* UTC; upgrade to Premium to restore it", answer.text)
    assert "Upgrade to restore" in answer.text
    for what in ("input", "index", "log", "summary", "stats", "table"):
        link = browser.get(f"/jobs/{archived}/download/{what}")
        assert link.status_code == 302, what
        with urllib.request.urlopen(link.location, timeout=10) as file:
            assert file.read(1), what


def test_after_upgrading_it_is_restored_and_comes_from_its_new_place(
    site: Site, browser: Browser, completed: UUID
) -> None:
    before = the_bytes(browser, completed)
    key = site.gas.service.job(completed).result
    attend(site, completed, "archival")
    provider_says(site.gas, owner_of(site, completed))
    assert "About to be restored" in browser.get(f"/jobs/{completed}").text
    assert "is restored by itself" in browser.get(f"/jobs/{completed}/download/result").text
    job = attend(site, completed, "restoration")
    assert job.storage == "thawing"
    assert job.expected_by
    page = browser.get(f"/jobs/{completed}").text
    assert f"Being restored, expected by {moment(job.expected_by)}" in page
    assert "being restored" in browser.get("/jobs").text
    answer = browser.get(f"/jobs/{completed}/download/result")
    assert answer.status_code == 409
    assert "being restored, expected by" in answer.text
    wait_until(lambda: attend(site, completed, "restoration").storage == "available")
    assert site.gas.service.job(completed).result != key
    assert the_bytes(browser, completed) == before
    assert gzip.decompress(before)


def the_bytes(browser: Browser, job_id: UUID) -> bytes:
    link = browser.get(f"/jobs/{job_id}/download/result")
    assert link.status_code == 302, link.text
    with urllib.request.urlopen(link.location, timeout=10) as file:
        return bytes(file.read())


def test_a_restore_that_failed_says_why(site: Site, browser: Browser, archived: UUID) -> None:
    provider_says(site.gas, owner_of(site, archived))
    with acting("worker:test"):
        attempt = site.gas.service.job(archived).storage_attempt + 1
        move = site.gas.service.store_result
        move(archived, lambda job: job.request_thaw(attempt=attempt, reason="premium"))
        move(
            archived,
            lambda job: job.record_thaw_failure(
                attempt=attempt, reason="archive_missing", retryable=False
            ),
        )
    page = browser.get(f"/jobs/{archived}").text
    assert "Not restored yet" in page
    assert "The archived file cannot be found" in page
    assert "archived file cannot be found" in browser.get(f"/jobs/{archived}/download/result").text


def test_a_result_that_is_on_its_way_is_not_linked(
    site: Site, browser: Browser, completed: UUID
) -> None:
    """Between the copy to the cold class and its event, the store knows more than the log."""
    job = site.gas.service.job(completed)
    site.gas.archive.store(job.cold_file())
    assert job.storage == "available"
    answer = browser.get(f"/jobs/{completed}/download/result")
    assert answer.status_code == 409
    assert "being archived" in answer.text


def test_a_file_that_vanished_is_a_sentence(site: Site, browser: Browser, completed: UUID) -> None:
    result = site.gas.service.job(completed).result
    assert result
    site.gas.files.delete([result["key"]])
    answer = browser.get(f"/jobs/{completed}/download/result")
    assert answer.status_code == 404
    assert "the file store does not have it" in answer.text
    assert browser.get(f"/jobs/{completed}").status_code == 200


def test_a_removed_input_is_told_and_cannot_be_run_again(
    site: Site, browser: Browser, completed: UUID
) -> None:
    site.gas.files.delete([site.gas.service.job(completed).input["key"]])
    with acting("system:test"):
        site.gas.service.store_result(
            completed, lambda job: job.record_input_removed(reason="kept long enough")
        )
    page = browser.get(f"/jobs/{completed}").text
    assert "upload it anew" in page
    assert "Run again" not in page
    assert browser.get(f"/jobs/{completed}/download/input").status_code == 410
    again = browser.send(
        f"/jobs/{completed}/again", {"upload_id": uuid4().hex}, seen_on=f"/jobs/{completed}"
    )
    assert again.location == f"/jobs/{completed}"
    assert "The input of this job was removed" in browser.get(again.location).text


def test_a_live_part_wakes_up_when_an_archive_comes_near(
    site: Site, browser: Browser, completed: UUID
) -> None:
    """Its tag changes with its pace, so that a 304 never leaves it asleep."""
    scheduled(site, completed, 60)
    for path in (f"/jobs/{completed}/live", "/jobs/rows"):
        slow = browser.get(path)
        assert 'hx-trigger="every 15s"' in slow.text
        tag = {"If-None-Match": slow.headers["ETag"]}
        assert browser.get(path, headers=tag).status_code == 304
        real = site.gas.clock
        site.gas.__dict__["clock"] = lambda: real() + timedelta(seconds=45)  # noqa: B023
        quick = browser.get(path, headers=tag)
        assert quick.status_code == 200
        assert 'hx-trigger="every 2s"' in quick.text
        site.gas.__dict__["clock"] = real


def test_live_parts_follow_storage_to_its_rest(
    site: Site, browser: Browser, archived: UUID
) -> None:
    paths = (f"/jobs/{archived}/live", "/jobs/rows")
    for path in paths:
        assert 'every 15s"' in browser.get(path).text, "an upgrade may come in another tab"
    tags = {path: browser.get(path).headers["ETag"] for path in paths}
    provider_says(site.gas, owner_of(site, archived))
    for path in paths:
        page = browser.get(path, headers={"If-None-Match": tags[path]})
        assert page.status_code == 200
        assert 'every 2s"' in page.text
    wait_until(lambda: attend(site, archived, "restoration").storage == "available")
    attend(site, archived, "archival")
    for path in paths:
        assert "hx-get" not in browser.get(path).text


def test_expected_by_is_shown_only_while_it_means_something(
    site: Site, browser: Browser, archived: UUID
) -> None:
    provider_says(site.gas, owner_of(site, archived))
    with acting("worker:test"):
        move, by = site.gas.service.store_result, site.gas.clock() + timedelta(hours=5)
        move(archived, lambda job: job.request_thaw(attempt=2, reason="premium"))
        assert "expected by" not in browser.get(f"/jobs/{archived}").text
        retrieval = Retrieval("r", "Expedited", "Standard", by)
        move(archived, lambda job: job.record_thaw_started(attempt=2, retrieval=retrieval))
    assert f"expected by {moment(by)}" in browser.get(f"/jobs/{archived}").text
