"""New job: straight to the store, sizes signed, nothing typed is ever lost, twice is once."""

from __future__ import annotations

import base64
import json
import re
import urllib.error
import urllib.request
from html import unescape
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

from domain.log import read_log
from tests.entrypoints.web.conftest import Browser, Site, hidden


def begin(browser: Browser, filename: str = "mine.vcf") -> dict[str, Any]:
    answer = browser.send("/new/upload", {"filename": filename}, seen_on="/new")
    assert answer.status_code == 200, answer.text
    return json.loads(answer.text)  # type: ignore[no-any-return]


def to_store(form: dict[str, Any], data: bytes) -> tuple[int, str, str]:
    """What a browser does with the store's form: status, where to, and the answer."""
    boundary = uuid4().hex
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in form["fields"].items()
    ]
    parts.append(
        f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="x"\r\n'
        "Content-Type: application/octet-stream\r\n\r\n".encode()
        + data
        + f"\r\n--{boundary}--\r\n".encode()
    )
    request = urllib.request.Request(
        form["url"],
        data=b"".join(parts),
        headers={"Content-Type": f"multipart/form-data; boundary={boundary}"},
    )

    class Stay(urllib.request.HTTPRedirectHandler):
        def redirect_request(self, *args: Any, **kwargs: Any) -> None:
            return None

    try:
        with urllib.request.build_opener(Stay).open(request, timeout=10) as answer:
            return answer.status, "", answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.headers.get("Location", ""), error.read().decode()


def store_form(html: str) -> dict[str, Any]:
    """The store's form as it stands in a page."""
    form = r'<form class="panel" method="post" action="([^"]+)"(.*?)</form>'
    found = re.search(form, html, re.DOTALL)
    assert found
    fields = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', found[2])
    return {"url": unescape(found[1]), "fields": {n: unescape(v) for n, v in fields}}


def test_a_file_goes_straight_to_the_store_and_becomes_a_job(
    browser: Browser, example: str
) -> None:
    begun = begin(browser)
    assert to_store(begun["form"], example.encode())[0] == 204
    answer = browser.send(
        "/jobs",
        {
            "source": "file",
            "uploaded": "yes",
            "upload_id": begun["upload_id"],
            "reference": "sars-cov-2",
            "label": "first try",
        },
        seen_on="/new",
    )
    assert answer.status_code == 303
    page = browser.get(answer.location).text
    assert "mine.vcf" in page
    assert "first try" in page


def test_the_signed_policy_itself_says_key_and_size(browser: Browser) -> None:
    begun = begin(browser)
    policy = json.loads(base64.b64decode(begun["form"]["fields"]["policy"]))
    assert ["content-length-range", 0, 153_600] in policy["conditions"]
    key = begun["form"]["fields"]["key"]
    assert {"key": key} in policy["conditions"]
    assert key.endswith(begun["upload_id"])


def test_the_store_refuses_a_byte_more_than_the_plan_allows(browser: Browser) -> None:
    status, _, body = to_store(begin(browser)["form"], b"x" * 153_601)
    assert status == 400
    assert "EntityTooLarge" in body


def test_the_store_refuses_another_key(browser: Browser) -> None:
    form = begin(browser)["form"]
    form["fields"]["key"] = "uploads/somebody-else/theirs"
    assert to_store(form, b"x")[0] == 403


def test_without_scripts_three_pages_lead_to_a_job(browser: Browser, example: str) -> None:
    first = browser.get("/new").text
    upload_page = browser.send(
        "/jobs",
        {
            "source": "file",
            "upload_id": hidden(first, "upload_id"),
            "reference": "sars-cov-2",
            "label": "no scripts",
        },
        seen_on="/new",
    )
    assert upload_page.status_code == 200
    assert "153,600 bytes" in upload_page.text
    assert "/new?reference=sars-cov-2&amp;label=no+scripts" in upload_page.text
    status, back, _ = to_store(store_form(upload_page.text), example.encode())
    assert status == 303
    ready = browser.get(urlsplit(back).path + "?" + urlsplit(back).query)
    assert "Ready to submit" in ready.text
    assert 'value="no scripts"' in ready.text
    assert re.search(r'value="sars-cov-2"[^>]* selected', ready.text)
    answer = browser.send(
        "/jobs",
        {
            "source": "file",
            "uploaded": "yes",
            "upload_id": hidden(ready.text, "upload_id"),
            "reference": "sars-cov-2",
            "label": "no scripts",
            "filename": "../my sample.vcf",
        },
        seen_on="/new",
    )
    page = browser.get(answer.location).text
    assert "my sample.vcf" in page
    assert "../" not in page


def test_coming_back_from_the_store_changes_nothing(
    site: Site, browser: Browser, example: str
) -> None:
    begun = begin(browser)
    to_store(begun["form"], example.encode())
    before = read_log(site.gas.service, after=0, limit=1000)
    for _ in range(3):
        assert browser.get(f"/new/ready/{begun['upload_id']}").status_code == 200
    assert read_log(site.gas.service, after=0, limit=1000) == before


def test_coming_back_without_a_file_says_so(browser: Browser) -> None:
    answer = browser.get(f"/new/ready/{begin(browser)['upload_id']}")
    assert answer.status_code == 404
    assert "Upload the file first" in answer.text


def test_looking_at_pages_writes_nothing(site: Site, browser: Browser, example: str) -> None:
    job_id = browser.submit(example)
    kinds = ("upload", "label", "token", "session", "progress")

    def everything() -> tuple[Any, ...]:
        rows = [[(r.pk, r.sk, r.value) for r in site.gas.records.scan(kind)] for kind in kinds]
        return rows, read_log(site.gas.service, after=0, limit=1000)

    before = everything()
    for path in ("/", "/new", "/jobs", "/jobs/rows", "/account", f"/jobs/{job_id}"):
        assert browser.get(path).status_code == 200
    for what in ("live", "delete"):
        assert browser.get(f"/jobs/{job_id}/{what}").status_code == 200
    assert everything() == before


def test_a_bad_file_names_line_and_remedy_and_keeps_what_was_typed(browser: Browser) -> None:
    text = (
        "##fileformat=VCFv4.2\n"
        "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"
        "NC_045512.2\t241\t.\tC\tT\t.\tPASS\t.\n"
        "NC_045512.2\t0\tkeep-me\tC\tT\t.\tPASS\t.\n"
    )
    answer = browser.send(
        "/jobs",
        {
            "source": "text",
            "upload_id": uuid4().hex,
            "reference": "sars-cov-2",
            "label": "my label",
            "text": text,
        },
        seen_on="/new",
    )
    assert answer.status_code == 422
    assert "Line 4" in answer.text
    assert "keep-me" in answer.text
    assert 'value="my label"' in answer.text
    assert re.search(r'value="sars-cov-2"[^>]* selected', answer.text)
    assert re.search(r'id="source-text" value="text" checked', answer.text)


def test_the_wrong_reference_is_put_right_without_another_upload(
    browser: Browser, example: str
) -> None:
    begun = begin(browser)
    to_store(begun["form"], example.encode())
    form = {
        "source": "file",
        "uploaded": "yes",
        "upload_id": begun["upload_id"],
        "reference": "human-mt",
        "filename": "mine.vcf",
    }
    refused = browser.send("/jobs", form, seen_on="/new")
    assert refused.status_code == 422
    assert "mine.vcf is uploaded" in refused.text
    assert hidden(refused.text, "uploaded") == "yes"
    assert hidden(refused.text, "upload_id") == begun["upload_id"]
    accepted = browser.send("/jobs", form | {"reference": "sars-cov-2"}, seen_on="/new")
    assert accepted.status_code == 303


def test_an_empty_text_an_unknown_reference_and_a_text_too_long_are_each_explained(
    browser: Browser, example: str
) -> None:
    def refused(**form: str) -> str:
        base = {"source": "text", "upload_id": uuid4().hex, "reference": "sars-cov-2", "text": ""}
        answer = browser.send("/jobs", {**base, **form}, seen_on="/new")
        assert answer.status_code in {404, 422}
        return answer.text

    assert "The file is empty" in refused()
    assert "dragon" in refused(text=example, reference="dragon")
    assert "larger than the 150 KB (153,600 bytes) your plan takes" in refused(
        text=example + "x" * 153_600
    )
    assert "dragon" in refused(source="example", reference="dragon")


def test_a_form_that_is_larger_than_a_form_may_be_is_answered_with_a_page(browser: Browser) -> None:
    answer = browser.send("/jobs", {"source": "text", "text": "x" * 1_100_000}, seen_on="/new")
    assert answer.status_code == 413
    assert "Upload it as a file" in answer.text


def test_sending_the_same_form_twice_makes_one_job(browser: Browser, example: str) -> None:
    form = {
        "source": "text",
        "upload_id": uuid4().hex,
        "reference": "sars-cov-2",
        "text": example,
    }
    places = {browser.send("/jobs", form, seen_on="/new").location for _ in range(3)}
    assert len(places) == 1
    changed = browser.send("/jobs", form | {"text": example + "\n"}, seen_on="/new")
    assert changed.location not in places, "a changed text is another job"


def test_the_example_runs_from_home(site: Site, browser: Browser) -> None:
    home = browser.get("/").text
    answer = browser.send(
        "/jobs",
        {
            "source": "example",
            "upload_id": hidden(home, "upload_id"),
            "reference": hidden(home, "reference"),
        },
    )
    assert answer.status_code == 303
    assert ".example.vcf" in browser.get(answer.location).text


def test_a_stranger_who_tries_the_example_finds_it_chosen_after_signing_in(
    stranger: Browser,
) -> None:
    found = re.search(r'href="/sign-in\?next=([^"]+example[^"]*)"', stranger.get("/").text)
    assert found
    from urllib.parse import unquote

    landed = stranger.sign_in(unquote(unescape(found[1]))).location
    assert re.search(r'id="source-example" value="example" checked', stranger.get(landed).text)


def test_nobody_submits_or_replaces_another_persons_upload(
    site: Site, browser: Browser, rival: Browser, example: str
) -> None:
    begun = begin(browser)
    to_store(begun["form"], example.encode())
    theirs = {
        "source": "file",
        "uploaded": "yes",
        "upload_id": begun["upload_id"],
        "reference": "sars-cov-2",
    }
    assert rival.send("/jobs", theirs, seen_on="/new").status_code == 404
    other = example.replace("C241T", "mine-now")
    rival.send("/jobs", theirs | {"source": "text", "text": other}, seen_on="/new")
    site.gas.uploading.receive(uuid4(), filename="x", data=b"x", upload_id=begun["upload_id"])
    job = browser.send("/jobs", theirs, seen_on="/new").location
    link = browser.get(f"{job}/download/input").location
    with urllib.request.urlopen(link, timeout=10) as file:
        assert file.read() == example.encode()


def test_an_upload_id_that_is_not_ours_never_becomes_a_key(browser: Browser) -> None:
    for evil in ("../../x", "", "a" * 31, "%2e%2e", "uploads/x"):
        answer = browser.send(
            "/jobs",
            {"source": "text", "text": "x", "upload_id": evil, "reference": "sars-cov-2"},
            seen_on="/new",
        )
        assert answer.status_code == 400, evil


def test_the_plan_and_what_remains_of_it_stand_above_the_form(
    browser: Browser, example: str
) -> None:
    assert "100 of 100 left today" in browser.get("/new").text
    browser.submit(example)
    page = browser.get("/new").text
    assert "99 of 100 left today" in page
    assert "9 of 10 jobs free at once" in page


def test_more_jobs_than_the_plan_allows_are_refused_with_what_helps(
    browser: Browser, example: str
) -> None:
    for _ in range(10):
        browser.submit(example)
    form = {"source": "text", "upload_id": uuid4().hex, "reference": "sars-cov-2", "text": example}
    answer = browser.send("/jobs", form, seen_on="/new")
    assert answer.status_code == 429
    assert "Wait for one to finish" in answer.text
    assert "C241T" in answer.text


def test_a_ticked_option_reaches_the_run_and_comes_back_with_a_refusal(
    site: Site, browser: Browser
) -> None:
    base = site.gas.annotator.example("sars-cov-2").decode().splitlines()[0]
    columns = "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tpatient"
    record = "NC_045512.2\t{}\t.\t{}\t{}\t.\t.\t.\tGT\t{}"
    rows = [record.format(23039, "C", "A", "0|1"), record.format(23040, "A", "G", "0|1")]
    text = "\n".join([base, columns, *rows]) + "\n"
    job = site.run(browser.submit(text, haplotypes="yes"))
    assert job.options == {"haplotypes": True, "normalise": False}
    plain = site.run(browser.submit(text))
    assert plain.id != job.id
    assert plain.options == {"haplotypes": False, "normalise": False}
    refused = browser.send(
        "/jobs",
        {
            "source": "text",
            "upload_id": uuid4().hex,
            "reference": "sars-cov-2",
            "text": "",
            "normalise": "yes",
        },
        seen_on="/new",
    )
    assert re.search(r'name="normalise"[^>]* checked', refused.text)
    assert not re.search(r'name="haplotypes"[^>]* checked', refused.text)


def test_without_scripts_a_ticked_option_comes_along(browser: Browser, example: str) -> None:
    form = {
        "source": "file",
        "upload_id": uuid4().hex,
        "reference": "sars-cov-2",
        "normalise": "yes",
    }
    upload_page = browser.send("/jobs", form, seen_on="/new").text
    assert "normalise=yes" in upload_page
    _, back, _ = to_store(store_form(upload_page), example.encode())
    ready = browser.get(urlsplit(back).path + "?" + urlsplit(back).query).text
    assert re.search(r'name="normalise"[^>]* checked', ready)
    assert not re.search(r'name="haplotypes"[^>]* checked', ready)
