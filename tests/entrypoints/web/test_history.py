"""The history of a job: every event in words, how it stood then, and what differs."""

from __future__ import annotations

import json
import re
from html import unescape
from uuid import UUID, uuid4

import pytest

from domain.catalogue import CATALOGUE
from entrypoints.web.formats import NOTHING, moment
from entrypoints.web.history_words import TELLINGS
from tests.entrypoints.paying import provider_says, wait_until
from tests.entrypoints.web.conftest import Browser, Site
from tests.entrypoints.web.paid_pages import attend, cashier, settings, stripe

__all__ = ["cashier", "settings", "stripe"]


@pytest.fixture
def completed(site: Site, browser: Browser, example: str) -> UUID:
    job_id = browser.submit(example, label="plate B")
    assert site.run(job_id).work == "completed"
    return job_id


def titles(page: str) -> list[str]:
    found = re.findall(r'<div class="event-head">\s*<h2>(.*?)</h2>', page)
    return [unescape(title) for title in found]


def shown_json(page: str) -> list[str]:
    """The type of each event's JSON, as it stands in the page."""
    texts = re.findall(r'aria-label="the JSON of version \d+"><code>(.*?)</code>', page, re.DOTALL)
    return [json.loads(unescape(text))["type"] for text in texts]


def test_every_event_of_a_job_has_words() -> None:
    assert set(TELLINGS) == {name for name in CATALOGUE if name.startswith("job.")}


def test_every_event_stands_there_in_order_with_version_position_time_and_by_whom(
    site: Site, browser: Browser, completed: UUID
) -> None:
    page = browser.get(f"/jobs/{completed}/history").text
    owner = site.gas.service.job(completed).owner
    events = site.gas.history.events(completed, owner=owner)
    assert titles(page) == ["Submitted", "Annotation started", "Annotated"]
    assert shown_json(page) == [event["type"] for event in events]
    for event, by in zip(events, ("you", "the service", "the service"), strict=True):
        version, position = event["aggregateversion"], int(event["sequence"])
        assert f"Version {version}, number {position} in the log, by {by}" in page
        assert f'id="v{version}"' in page
        assert str(moment(event["time"])) in page
    assert "16 of 16 variants were annotated" in page


def test_a_whole_life_is_told(site: Site, browser: Browser, completed: UUID) -> None:
    attend(site, completed, "archival")
    provider_says(site.gas, site.gas.service.job(completed).owner)
    wait_until(lambda: attend(site, completed, "restoration").storage == "available")
    attend(site, completed, "archival")
    page = browser.get(f"/jobs/{completed}/history").text
    assert titles(page) == [
        *("Submitted", "Annotation started", "Annotated", "Archive date set", "Archiving began"),
        *("Archived", "Restore asked for", "Restore under way", "Restored"),
        "Archived copy removed",
    ]
    assert "was moved to cold storage (GLACIER)" in page
    assert "The archive is handing it out (expedited)" in page


def test_a_failure_is_told_with_its_sentence(site: Site, browser: Browser, example: str) -> None:
    job_id = browser.submit(example)
    site.gas.files.delete([site.gas.service.job(job_id).input["key"]])
    site.run(job_id)
    page = browser.get(f"/jobs/{job_id}/history").text
    assert titles(page)[-1] == "Annotation failed"
    assert "The uploaded file is gone. Upload it again." in page


def test_the_page_of_a_job_leads_to_its_history_and_back(browser: Browser, completed: UUID) -> None:
    path = f"/jobs/{completed}/history"
    for page in (f"/jobs/{completed}", f"/jobs/{completed}/delete"):
        assert f'href="{path}"' in browser.get(page).text
    assert f'href="/jobs/{completed}"' in browser.get(path).text


def test_how_it_stood_then_is_shown_with_what_came_later_marked(
    browser: Browser, completed: UUID
) -> None:
    page = browser.get(f"/jobs/{completed}/history?at=2").text
    past = page[page.index('id="past"') : page.index('id="timeline"')]
    assert "As it stood at version 2" in past
    assert re.search(r"<dt>Status</dt><dd>Running</dd>", past)
    assert "Annotated VCF" not in past, "there was none yet"
    assert re.search(r'id="v2" aria-current="step"', page)
    assert re.search(r'event-later" id="v3"', page)
    assert "event-later" not in page[page.index('id="v1"') - 60 : page.index('id="v2"')]
    assert f'href="/jobs/{completed}/history?diff=2..3"' in past, "what changed since"
    assert f'href="/jobs/{completed}/history?at=1"' in past
    assert "hx-get" not in page, "the past stands still"


def test_two_versions_are_compared_also_by_a_form_without_scripts(
    browser: Browser, completed: UUID
) -> None:
    asked = browser.get(f"/jobs/{completed}/history?from=1&to=3")
    assert asked.status_code == 302
    assert asked.location == f"/jobs/{completed}/history?diff=1..3"
    page = unescape(browser.get(asked.location).text)
    rows = re.findall(
        r'<th scope="row">(.*?) <span class="change-what">(\w+)</span></th>'
        r'<td data-name="before">(.*?)</td><td data-name="after">(.*?)</td>',
        page,
    )
    found = {name: (what, before, after) for name, what, before, after in rows}
    assert found["Status"] == ("changed", "Waiting", "Completed")
    assert found["Variants in the file"] == ("added", NOTHING, "16")
    assert "Reference" not in found
    same = browser.get(f"/jobs/{completed}/history?diff=2..2").text
    assert "Nothing differs." in same


@pytest.mark.parametrize("query", ["at=4", "at=0", "at=soon", "diff=1", "diff=1..9", "from=1&to=x"])
def test_a_moment_that_never_was_is_a_page_that_says_so(
    browser: Browser, completed: UUID, query: str
) -> None:
    answer = browser.get(f"/jobs/{completed}/history?{query}", follow_redirects=True)
    assert answer.status_code == 404
    assert re.search(r"version|like this", answer.text)


def test_the_history_of_somebody_elses_job_looks_like_that_of_none(
    browser: Browser, rival: Browser, completed: UUID
) -> None:
    def seen(job_id: UUID, query: str) -> tuple[int, str]:
        answer = rival.get(f"/jobs/{job_id}/history{query}")
        text = re.sub(r"[0-9a-f]{32}|[0-9a-f-]{36}|value=\"[^\"]*\"", "", answer.text)
        return answer.status_code, text

    for query in ("", "/live", "?at=1", "?at=99", "?diff=1..2"):
        assert seen(completed, query) == seen(uuid4(), query), query
        assert seen(completed, query)[0] == 404


def test_a_stranger_signs_in_first(stranger: Browser) -> None:
    answer = stranger.get(f"/jobs/{uuid4()}/history")
    assert answer.status_code == 302
    assert "/sign-in" in answer.location


def test_a_deleted_jobs_history_stays_for_its_owner_without_what_was_erased(
    site: Site, browser: Browser, completed: UUID
) -> None:
    path = f"/jobs/{completed}/history"
    assert "plate B" in browser.get(path).text
    listed = browser.get(browser.send(f"/jobs/{completed}/delete").location).text
    assert f'Its <a href="{path}">history</a> stays' in listed
    before_erasure = browser.get(path)
    attend(site, completed, "erasure")
    after = browser.get(path)
    for answer in (before_erasure, after, browser.get(f"{path}?at=3")):
        assert answer.status_code == 200
        assert "plate B" not in answer.text
        assert "pasted" not in answer.text
        assert f'href="/jobs/{completed}"' not in answer.text
    assert titles(after.text)[-2:] == ["Deletion asked for", "Deleted"]
    assert "hx-get" in before_erasure.text
    assert "hx-get" not in after.text


def test_the_timeline_asks_until_nothing_more_comes_and_is_sent_only_when_it_grew(
    site: Site, browser: Browser, example: str
) -> None:
    job_id = browser.submit(example)
    provider_says(site.gas, site.gas.service.job(job_id).owner)
    assert f'hx-get="/jobs/{job_id}/history/live"' in browser.get(f"/jobs/{job_id}/history").text
    first = browser.get(f"/jobs/{job_id}/history/live")
    tag = {"If-None-Match": first.headers["ETag"]}
    assert browser.get(f"/jobs/{job_id}/history/live", headers=tag).status_code == 304
    site.run(job_id)
    last = browser.get(f"/jobs/{job_id}/history/live", headers=tag)
    assert titles(last.text)[-1] == "Annotated"
    assert "hx-get" not in last.text
