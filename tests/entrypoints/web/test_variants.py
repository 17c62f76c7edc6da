"""Browsing a job's variants: all of it in links and one form, so it works without scripts."""

from __future__ import annotations

import html
import re
from uuid import UUID, uuid4

import pytest

from domain.context import acting
from domain.job_events import Failure
from tests.adapters.annotator.vcf import SARS, genome, snv, vcf
from tests.builders import an_outcome
from tests.entrypoints.web.conftest import Browser, Site
from tests.entrypoints.web.paid_pages import attend, cashier, settings, stripe

__all__ = ["cashier", "settings", "stripe"]


@pytest.fixture
def completed(site: Site, browser: Browser, example: str) -> UUID:
    job_id = browser.submit(example, label="Run 12")
    assert site.run(job_id).work == "completed"
    return job_id


def positions(page: str) -> list[int]:
    return [int(each) for each in re.findall(r'class="pos">(\d+)<', page)]


def links(page: str, word: str) -> list[str]:
    """Where the links lead whose text begins so."""
    found = re.findall(r'<a [^>]*href="([^"]*)"[^>]*>(.*?)</a>', page, re.DOTALL)
    return [
        html.unescape(href)
        for href, inside in found
        if re.sub(r"<[^>]*>", " ", inside).split()[: len(word.split())] == word.split()
    ]


def test_the_page_of_a_job_leads_to_its_variants(browser: Browser, completed: UUID) -> None:
    (there,) = links(browser.get(f"/jobs/{completed}").text, "Browse the variants")
    page = browser.get(there).text
    assert len(positions(page)) == 16
    assert "<strong>16</strong> variants<" in page.replace("</p>", "<")
    row = re.search(r"<tr>(?:(?!</tr>).)*>23403<.*?</tr>", page, re.DOTALL)
    assert row
    for shown in ("S-D614G", "<code>A</code>", "<code>G</code>", "missense", "Moderate", "D614G",
                  "aspartic acid 614 becomes glycine", "23403A&gt;G"):  # fmt: skip
        assert shown in row[0], shown
    assert 'impact-moderate"><svg' in row[0], "icon and word, never colour alone"


def test_filters_stand_in_the_address_and_in_the_form(browser: Browser, completed: UUID) -> None:
    page = browser.get(f"/jobs/{completed}/variants?text=&gene=ORF8&consequence=&impact=HIGH").text
    assert positions(page) == [27972]
    assert 'name="gene" value="ORF8"' in page
    assert '<option value="HIGH" selected>' in page
    assert "<strong>1</strong> variant fits" in page
    (everything,) = links(page, "Show all")
    assert len(positions(browser.get(everything).text)) == 16


def test_choices_are_links_with_counts_that_keep_the_other_filters(
    browser: Browser, completed: UUID
) -> None:
    page = browser.get(f"/jobs/{completed}/variants?text=s-").text
    assert len(positions(page)) == 7
    (there,) = links(page, "inframe deletion 1 row")
    narrowed = browser.get(there).text
    assert positions(narrowed) == [21764]
    assert "text=s-" in there
    (back,) = links(narrowed, "inframe deletion 1 row (chosen; take it away)")
    assert positions(browser.get(back).text) == positions(page)
    (other,) = links(narrowed, "missense 6 rows")
    assert len(positions(browser.get(other).text)) == 6, "another choice is one click away"


def test_pages_lead_through_all_rows_in_order_and_back(site: Site, browser: Browser) -> None:
    asked = list(range(300, 300 + 3 * 120, 3))
    job_id = browser.submit(vcf(snv(at) for at in asked))
    site.run(job_id)
    found, page = list[int](), browser.get(f"/jobs/{job_id}/variants?gene=ORF1ab").text
    first = positions(page)
    while True:
        found += positions(page)
        following = links(page, "Next page")
        if not following:
            break
        page = browser.get(following[0]).text
    assert found == asked
    (start,) = links(page, "First page")
    assert positions(browser.get(start).text) == first
    assert browser.get(f"/jobs/{job_id}/variants?cursor=nonsense").status_code == 400


def test_where_nothing_fits_the_page_says_what_to_do(browser: Browser, completed: UUID) -> None:
    page = browser.get(f"/jobs/{completed}/variants?gene=S&text=nothing").text
    assert "No variant fits." in page
    (without,) = links(page, "Without the text")
    assert len(positions(browser.get(without).text)) == 7
    assert links(page, "Show all variants") == [f"/jobs/{completed}/variants"]
    assert 'class="facets"' not in browser.get(f"/jobs/{completed}/variants?text=nothing").text
    strange = browser.get(f"/jobs/{completed}/variants?impact=<b>&consequence=%00")
    assert strange.status_code == 200
    assert "<b>" not in strange.text


def test_long_alleles_are_cut_and_whole_when_unfolded(site: Site, browser: Browser) -> None:
    deleted = genome()[21764 - 1 : 21764 + 59]
    line = f"{SARS}\t21764\t<b>bold</b>\t{deleted}\t{deleted[0]}\t.\tPASS\t."
    job_id = browser.submit(vcf([line]))
    assert site.run(job_id).work == "completed"
    page = browser.get(f"/jobs/{job_id}/variants").text
    assert f"<code>{deleted[:10]}…</code>" in page
    assert f"</summary><code>{deleted}</code>" in page
    assert "<b>bold" not in page
    assert "&lt;b&gt;bold&lt;/b&gt;" in page


def test_several_effects_of_a_record_are_rows_that_say_so(site: Site, browser: Browser) -> None:
    ref = genome()[23402]
    job_id = browser.submit(vcf([f"{SARS}\t23403\t.\t{ref}\tG,C\t.\tPASS\t."]))
    site.run(job_id)
    page = browser.get(f"/jobs/{job_id}/variants").text
    assert "<strong>1</strong> variant in <strong>2</strong> rows" in page
    assert page.count('<tr class="again">') == 1


def test_an_archived_job_is_browsed_as_before(
    site: Site, browser: Browser, completed: UUID
) -> None:
    assert attend(site, completed, "archival").storage == "archived"
    (there,) = links(browser.get(f"/jobs/{completed}").text, "Browse the variants")
    assert len(positions(browser.get(there).text)) == 16


def test_a_job_that_is_not_completed_says_why_there_are_none(
    site: Site, browser: Browser, example: str
) -> None:
    job_id = browser.submit(example)
    assert links(browser.get(f"/jobs/{job_id}").text, "Browse the variants") == []
    waiting = browser.get(f"/jobs/{job_id}/variants")
    assert waiting.status_code == 409
    assert "it is waiting for its turn now" in waiting.text
    assert links(waiting.text, "Back to the job") == [f"/jobs/{job_id}"]
    with acting("worker:test"):
        site.gas.service.start_annotation(job_id, attempt=1, worker="w", provenance={})
        assert "it is being annotated now" in browser.get(f"/jobs/{job_id}/variants").text
        failure = Failure(code="no_header", line=1, column=None, facts={})
        site.gas.service.record_failure(job_id, attempt=1, failure=failure, log=None, final=True)
    failed = browser.get(f"/jobs/{job_id}/variants")
    assert (failed.status_code, "This job failed" in failed.text) == (404, True)
    other = browser.submit(example)
    browser.send(f"/jobs/{other}/cancel")
    assert "was cancelled, so it has no variants" in browser.get(f"/jobs/{other}/variants").text


def test_a_job_from_before_there_were_tables_says_what_to_do(
    site: Site, browser: Browser, example: str
) -> None:
    job_id = browser.submit(example)
    with acting("worker:test"):
        site.gas.service.start_annotation(job_id, attempt=1, worker="w", provenance={})
        site.gas.service.record_annotation(job_id, attempt=1, outcome=an_outcome())
    answer = browser.get(f"/jobs/{job_id}/variants")
    assert answer.status_code == 404
    assert "Run it again to get one" in answer.text


def test_a_damaged_table_is_a_page_that_says_so(
    site: Site, browser: Browser, completed: UUID
) -> None:
    owner = site.gas.service.job(completed).owner
    file = site.gas.jobs.row(completed, owner)["files"]["table"]
    site.gas.files.put(file["key"], b"something else")
    answer = browser.get(f"/jobs/{completed}/variants")
    assert answer.status_code == 500
    assert "Download the annotated VCF instead" in answer.text
    site.gas.files.delete([file["key"]])
    assert browser.get(f"/jobs/{completed}/variants").status_code == 404


def test_somebody_elses_a_deleted_and_nobodys_job_look_the_same(
    browser: Browser, rival: Browser, completed: UUID
) -> None:
    def seen(who: Browser, job_id: UUID) -> tuple[int, str]:
        answer = who.get(f"/jobs/{job_id}/variants")
        return answer.status_code, re.sub(
            r"[0-9a-f]{32}|[0-9a-f-]{36}|value=\"[^\"]*\"", "", answer.text
        )

    assert browser.get(f"/jobs/{completed}/variants").status_code == 200
    assert seen(rival, completed) == seen(rival, uuid4())
    browser.send(f"/jobs/{completed}/delete")
    assert seen(browser, completed)[0] == 404


def test_a_deleted_job_leaves_no_copy_of_its_table(
    site: Site, browser: Browser, completed: UUID
) -> None:
    browser.get(f"/jobs/{completed}/variants")
    copies = site.gas.settings.tables_folder
    assert len(list(copies.glob("*.parquet"))) == 1
    browser.send(f"/jobs/{completed}/delete")
    assert attend(site, completed, "erasure").deleted
    assert list(copies.glob("*.parquet")) == []


def test_a_stranger_signs_in_first(stranger: Browser, completed: UUID) -> None:
    assert "/sign-in" in stranger.get(f"/jobs/{completed}/variants?gene=S").location


def test_nothing_of_the_page_is_inline(browser: Browser, completed: UUID) -> None:
    text = browser.get(f"/jobs/{completed}/variants").text
    assert not re.search(r"<style|\sstyle=|\son\w+=|javascript:", text)
    ids = re.findall(r'\sid="([^"]+)"', text)
    assert len(ids) == len(set(ids))
