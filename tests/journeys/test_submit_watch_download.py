"""The main walk: sign in, submit, watch, read, download; with scripts and without."""

from __future__ import annotations

import csv
import gzip
import hashlib
import re
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from adapters.annotator_bcftools.references import BUNDLED
from entrypoints.web.pace import SLOW
from tests.journeys.browser import sign_in
from tests.journeys.service import RunningService

REFERENCES = ["sars-cov-2", "human-mt"]
SELDOM = f"every {SLOW}s"
NO_SCRIPTS = {"java_script_enabled": False}


def effects(vcf: str) -> list[set[tuple[str, str, str]]]:
    """Per record, each effect as (gene, consequence, protein)."""
    found = []
    for line in vcf.splitlines():
        if line and not line.startswith("#"):
            csq = re.search(r"BCSQ=([^;\s]+)", line)
            parts = [effect.split("|") for effect in csq[1].split(",")] if csq else []
            found.append({(p[1], p[0], p[5] if len(p) > 5 else "") for p in parts})
    return found


def download(page: Page, tmp_path: Path) -> bytes:
    with page.expect_download() as caught:
        page.get_by_role("link", name="Annotated VCF").first.click()
    path = tmp_path / caught.value.suggested_filename
    caught.value.save_as(path)
    return path.read_bytes()


def wait_until_completed(page: Page) -> None:
    """By itself with scripts; without them a person reloads."""
    state = page.locator(".job-state")
    for _ in range(40):
        if "Completed" in state.inner_text():
            return
        if page.locator("html.js").count():
            expect(state).to_contain_text("Completed", timeout=30_000)
        else:
            page.wait_for_timeout(250)
            page.reload()
    raise AssertionError(f"not completed: {state.inner_text()}")


def check_truth(reference: str, result: bytes) -> None:
    with (BUNDLED / reference / "truth.tsv").open() as table:
        truth = list(csv.DictReader(table, delimiter="\t"))
    annotated = effects(gzip.decompress(result).decode())
    assert len(annotated) == len(truth)
    for expected, found in zip(truth, annotated, strict=True):
        assert (expected["gene"], expected["consequence"], expected["protein"]) in found


@pytest.mark.parametrize("reference", REFERENCES)
def test_an_example_file_through_the_browser_gives_its_truth_table(
    signed_in: Page, running_service: RunningService, tmp_path: Path, reference: str
) -> None:
    page = signed_in
    page.goto(running_service.url + "/new")
    page.locator("#file").set_input_files(BUNDLED / reference / "example.vcf")
    expect(page.get_by_label("Reference")).to_have_value(reference)
    page.get_by_label("Label").fill("truth")
    page.get_by_role("button", name="Annotate").click()
    page.wait_for_url("**/jobs/*-*")
    expect(page.locator(".job-state")).to_contain_text("Completed", timeout=30_000)
    result = download(page, tmp_path)
    check_truth(reference, result)
    assert hashlib.sha256(result).hexdigest() in page.content()
    expect(page.locator("#job")).to_have_attribute("hx-trigger", SELDOM)  # it archives in minutes


@pytest.mark.parametrize("context", [NO_SCRIPTS], indirect=True)
@pytest.mark.parametrize("reference", REFERENCES)
def test_without_scripts_the_same_walk_gives_the_same_truth(
    signed_in: Page, running_service: RunningService, tmp_path: Path, reference: str
) -> None:
    page = signed_in
    page.goto(running_service.url + "/new")
    page.get_by_label("Reference").select_option(reference)
    page.get_by_role("button", name="Annotate").click()
    expect(page.get_by_role("heading", name="Upload the file")).to_be_visible()
    page.get_by_label("VCF file").set_input_files(BUNDLED / reference / "example.vcf")
    page.get_by_role("button", name="Upload").click()
    expect(page.get_by_role("heading", name="Ready to submit")).to_be_visible()
    expect(page.get_by_label("Reference")).to_have_value(reference)
    page.get_by_role("button", name="Annotate").click()
    wait_until_completed(page)
    check_truth(reference, download(page, tmp_path))


def test_the_bundled_example_awaits_the_local_user(
    page: Page, running_service: RunningService
) -> None:
    sign_in(page, running_service.url)
    expect(page.locator("#rows")).to_contain_text("Completed")


def test_rows_of_my_jobs_move_by_themselves(
    signed_in: Page, running_service: RunningService
) -> None:
    page = signed_in
    page.goto(running_service.url + "/new?example=sars-cov-2")
    page.get_by_role("button", name="Annotate").click()
    page.wait_for_url("**/jobs/*-*")
    page.goto(running_service.url + "/jobs")
    expect(page.locator("#rows")).to_contain_text("Completed", timeout=30_000)
    expect(page.locator("#rows")).to_have_attribute("hx-trigger", SELDOM)


def test_a_file_too_large_is_refused_before_it_is_sent_and_can_be_replaced(
    signed_in: Page, running_service: RunningService, tmp_path: Path
) -> None:
    page = signed_in
    big = tmp_path / "big.vcf"
    big.write_bytes(b"x" * 153_601)
    page.goto(running_service.url + "/new")
    page.locator("#file").set_input_files(big)
    expect(page.get_by_role("alert")).to_contain_text("153,601 bytes")
    page.locator("#file").set_input_files(BUNDLED / "human-mt" / "example.vcf")
    expect(page.get_by_role("alert")).to_be_hidden()
    page.get_by_role("button", name="Annotate").click()
    expect(page.locator(".job-state")).to_contain_text("Completed", timeout=30_000)


def test_a_bad_file_is_answered_with_line_and_remedy_and_nothing_typed_is_lost(
    signed_in: Page, running_service: RunningService
) -> None:
    page = signed_in
    text = (BUNDLED / "sars-cov-2" / "example.vcf").read_text().replace("\t241\t", "\t0\t")
    page.goto(running_service.url + "/new")
    page.get_by_text("Pasted text").click()
    page.get_by_label("VCF text").fill(text)
    page.get_by_label("Label").fill("keep this")
    page.get_by_label("Reference").select_option("sars-cov-2")
    page.get_by_role("button", name="Annotate").click()
    expect(page.get_by_role("alert")).to_contain_text("Line 4")
    expect(page.get_by_label("Label")).to_have_value("keep this")
    expect(page.get_by_label("VCF text")).to_have_value(text)
    page.get_by_label("VCF text").fill(text.replace("\t0\t", "\t241\t"))
    page.get_by_role("button", name="Annotate").click()
    expect(page.locator(".job-state")).to_contain_text("Completed", timeout=30_000)


def test_the_keyboard_alone_is_enough(signed_in: Page, running_service: RunningService) -> None:
    page = signed_in
    page.goto(running_service.url + "/new?example=human-mt")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    page.locator("#source-example").focus()
    page.keyboard.press("ArrowLeft")
    expect(page.get_by_label("VCF text")).to_be_visible()
    page.keyboard.press("ArrowRight")
    page.get_by_label("Label").focus()
    page.keyboard.press("Enter")
    expect(page.locator(".job-state")).to_contain_text("Completed", timeout=30_000)


def test_signing_out_closes_every_tab(signed_in: Page, running_service: RunningService) -> None:
    page = signed_in
    other = page.context.new_page()
    other.goto(running_service.url + "/account")
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="You are signed out")).to_be_visible()
    other.reload()
    expect(other.get_by_role("heading", name="Sign in")).to_be_visible()


def test_a_file_dropped_on_the_page_is_taken(
    signed_in: Page, running_service: RunningService
) -> None:
    page = signed_in
    page.goto(running_service.url + "/new")
    text = (BUNDLED / "human-mt" / "example.vcf").read_text()
    dropped = page.evaluate_handle(
        """text => { const data = new DataTransfer();
        data.items.add(new File([text], "dropped.vcf")); return data; }""",
        text,
    )
    page.locator("#drop").dispatch_event("drop", {"dataTransfer": dropped})
    expect(page.locator("#chosen")).to_contain_text("dropped.vcf")
    expect(page.get_by_label("Reference")).to_have_value("human-mt")
    page.get_by_role("button", name="Annotate").click()
    expect(page.get_by_role("heading", name="dropped.vcf")).to_be_visible()


def test_a_file_without_contig_lines_is_recognised_by_its_first_variant(
    signed_in: Page, running_service: RunningService, tmp_path: Path
) -> None:
    page = signed_in
    whole = (BUNDLED / "sars-cov-2" / "example.vcf").read_text()
    bare = tmp_path / "calls.vcf"
    bare.write_text("".join(ln for ln in whole.splitlines(keepends=True) if "##contig" not in ln))
    page.goto(running_service.url + "/new")
    page.locator("#file").set_input_files(bare)
    expect(page.get_by_label("Reference")).to_have_value("sars-cov-2")
    page.get_by_role("button", name="Annotate").click()
    expect(page.locator(".job-state")).to_contain_text("Completed", timeout=30_000)
    check_truth("sars-cov-2", download(page, tmp_path))


def test_an_upload_that_breaks_off_says_so_and_can_be_sent_again(
    signed_in: Page, running_service: RunningService
) -> None:
    page = signed_in
    page.goto(running_service.url + "/new")
    page.locator("#file").set_input_files(BUNDLED / "human-mt" / "example.vcf")

    def into_the_store(url: str) -> bool:
        return not url.startswith(running_service.url)

    page.route(into_the_store, lambda route: route.abort())
    page.get_by_role("button", name="Annotate").click()
    expect(page.get_by_role("alert")).to_contain_text("The upload broke off")
    page.unroute(into_the_store)
    page.get_by_role("button", name="Annotate").click()
    expect(page.locator(".job-state")).to_contain_text("Completed", timeout=30_000)


@pytest.mark.parametrize("context", [{"timezone_id": "Asia/Tokyo"}], indirect=True)
def test_times_are_the_readers_with_utc_on_hover(
    signed_in: Page, running_service: RunningService
) -> None:
    page = signed_in
    page.goto(running_service.url + "/account")
    time = page.locator("#sessions ~ ul time").first
    moment = datetime.fromisoformat(str(time.get_attribute("datetime")))
    assert f"{moment:%H:%M:%S} UTC" in str(time.get_attribute("title"))
    in_tokyo = moment + timedelta(hours=9)
    assert f"{in_tokyo:%M:%S}" in time.inner_text()
    assert f"{in_tokyo:%I}" in time.inner_text()
    assert "UTC" not in time.inner_text()
