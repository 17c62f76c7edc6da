"""My jobs: what stands in the address is what is shown; rows move by themselves and then stop."""

from __future__ import annotations

import re
from html import unescape
from urllib.parse import quote

from flask import Flask

from entrypoints.bootstrap import Gas
from entrypoints.settings import Settings
from entrypoints.web import register
from tests.entrypoints.paying import provider_says
from tests.entrypoints.web.conftest import Browser, Site
from tests.memory import MemoryViews


def rows(html: str) -> list[str]:
    return re.findall(r'id="job-([0-9a-f-]{36})"', html)


def test_no_jobs_says_what_to_do(browser: Browser) -> None:
    page = browser.get("/jobs").text
    assert "No jobs yet." in page
    assert 'href="/new"' in page


def test_the_newest_job_comes_first_with_what_its_person_calls_it(
    browser: Browser, example: str
) -> None:
    first, second = browser.submit(example), browser.submit(example, label="the second")
    page = browser.get("/jobs").text
    assert rows(page) == [str(second), str(first)]
    for shown in ("pasted.vcf", "the second", "Waiting", "sars-cov-2"):
        assert shown in page


def test_filters_and_search_stand_in_the_address(
    site: Site, browser: Browser, example: str
) -> None:
    done = browser.submit(example, label="alpha")
    site.run(done)
    waiting = browser.submit(example, label="beta")
    assert rows(browser.get("/jobs?status=completed").text) == [str(done)]
    assert rows(browser.get("/jobs?q=BETA").text) == [str(waiting)]
    assert rows(browser.get("/jobs?reference=human-mt").text) == []
    assert "No job fits." in browser.get("/jobs?reference=human-mt").text
    assert 'value="alpha"' in browser.get("/jobs?q=alpha").text


def test_a_job_of_somebody_else_is_not_in_the_list(
    browser: Browser, rival: Browser, example: str
) -> None:
    browser.submit(example)
    assert rows(rival.get("/jobs").text) == []


def test_rows_ask_every_two_seconds_until_all_are_final(
    site: Site, browser: Browser, example: str
) -> None:
    job_id = browser.submit(example)
    provider_says(site.gas, site.gas.service.job(job_id).owner)  # nothing is archived afterwards
    site.keep_views()
    moving = browser.get("/jobs?q=pasted").text
    assert 'hx-trigger="every 2s"' in moving
    assert 'hx-get="/jobs/rows?q=pasted"' in moving
    site.run(job_id)
    assert "hx-get" not in browser.get("/jobs/rows?q=pasted").text


def test_rows_that_did_not_change_are_not_sent_again(
    site: Site, browser: Browser, example: str
) -> None:
    job_id = browser.submit(example)
    first = browser.get("/jobs/rows")
    tag = {"If-None-Match": first.headers["ETag"]}
    assert first.headers["ETag"].strip('"') in browser.get("/jobs").text
    again = browser.get("/jobs/rows", headers=tag)
    assert (again.status_code, again.data) == (304, b"")
    site.run(job_id)
    changed = browser.get("/jobs/rows", headers=tag)
    assert changed.status_code == 200
    assert "Completed" in changed.text


def test_a_live_part_without_a_session_has_its_page_loaded_again(stranger: Browser) -> None:
    answer = stranger.get("/jobs/rows", headers={"HX-Request": "true"})
    assert answer.status_code == 401
    assert answer.headers["HX-Refresh"] == "true"


def test_pages_go_on_where_the_last_one_ended(site: Site, browser: Browser, example: str) -> None:
    jobs = []
    for _ in range(27):
        job_id = browser.submit(example)
        browser.send(f"/jobs/{job_id}/cancel", seen_on=f"/jobs/{job_id}")
        site.keep_views()
        jobs.append(str(job_id))
    first = browser.get("/jobs?status=cancelled").text
    older = re.search(r'href="(/jobs\?cursor=[^"]+)"', first)
    assert older
    second = browser.get(unescape(older[1])).text
    assert rows(first) + rows(second) == jobs[::-1]
    assert "status=cancelled" in older[1]
    assert "Older" not in second


def test_a_cursor_that_is_not_ours_is_explained(browser: Browser) -> None:
    answer = browser.get("/jobs?cursor=%C3%A9%20x")
    assert answer.status_code == 400
    assert "Start again without it" in answer.text


def test_what_people_type_is_shown_as_text_and_never_run(browser: Browser, example: str) -> None:
    evil = '"><script>alert(1)</script>'
    job_id = browser.submit(example, label=evil)
    for path in ("/jobs", f"/jobs/{job_id}", f"/jobs/{job_id}/delete", f"/jobs?q={quote(evil)}"):
        assert "<script>alert" not in browser.get(path).text, path


def test_a_list_that_lags_behind_the_log_goes_on_asking_until_it_knows(
    settings: Settings, site: Site, browser: Browser, example: str
) -> None:
    job_id = browser.submit(example)
    behind = Gas(settings, identity=site.provider, cloud=site.gas.cloud, views=MemoryViews())
    app = Flask("behind")
    register(app, behind)
    lagging = Site(behind, app, site.provider).browser()
    lagging.sign_in()
    page = lagging.get("/jobs").text
    assert str(job_id) not in page
    assert 'hx-trigger="every 2s"' in page
    tag = lagging.get("/jobs/rows").headers["ETag"]
    behind.__dict__["views"] = site.gas.views
    del behind.__dict__["jobs"]
    now = lagging.get("/jobs/rows", headers={"If-None-Match": tag})
    assert now.status_code == 200
    assert str(job_id) in now.text
