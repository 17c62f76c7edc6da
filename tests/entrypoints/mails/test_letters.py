"""Mails as people read them: plain words, their file's name, links, and no surprises."""

from __future__ import annotations

from datetime import UTC, datetime
from html.parser import HTMLParser
from uuid import UUID, uuid4

import pytest

from domain.mails import MAILS, Notice
from entrypoints.mails.letters import Letters
from entrypoints.mails.words import WORDS
from projections.erasure import LABEL
from tests.memory import MemoryRecords

ADDRESS = "https://gas.example"
JOB = uuid4()
AT = datetime(2026, 11, 22, 12, 5, 59, tzinfo=UTC)
FAILURE = {"code": "no_header", "line": 1, "column": None, "facts": {}}
EVERYTHING = {
    "records": 1234,
    "until": AT,
    "at": AT,
    "expected": AT,
    "input_days": 30,
    "failure": FAILURE,
    "paid": True,
    "most": 20,
    "silent_until": AT,
}


def letters(filename: str = "calls.vcf", job: UUID = JOB) -> Letters:
    records = MemoryRecords()
    records.put(LABEL, str(job), value={"filename": filename, "label": ""})
    return Letters(records, ADDRESS)


def notice(kind: str, **facts: object) -> Notice:
    group = {occasion.kind: occasion.group for occasion in MAILS.values()}[kind]
    job = None if group == "plan" else JOB
    return Notice(kind, group, uuid4(), job, EVERYTHING | facts)


class Read(HTMLParser):
    """What a mail program finds in a mail: its words and where its links lead."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.links: list[str] = []
        self.words = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.links += [value or "" for name, value in attrs if name in {"href", "src"}]

    def handle_data(self, data: str) -> None:
        self.words += data


def test_every_occasion_has_its_words() -> None:
    assert sorted(WORDS) == sorted(occasion.kind for occasion in MAILS.values())


@pytest.mark.parametrize("kind", WORDS)
def test_every_mail_says_the_same_in_text_and_html_and_fills_every_gap(kind: str) -> None:
    mail = letters().compose(notice(kind), "ada@example.org")
    html = Read(mail.html)
    words = " ".join(html.words.split())
    for paragraph in mail.text.split("\n--\n")[0].split("\n\n")[:-1]:
        assert " ".join(paragraph.replace("`", "").split()) in words
    assert mail.subject in words
    assert mail.to == "ada@example.org"
    for text in (mail.subject, mail.text, mail.html.split("</style>")[1]):
        assert not {"{", "}", "None"} & set(text.split())
        assert "{" not in text
    assert all(link.startswith(ADDRESS + "/") for link in html.links)
    assert html.links[0] in mail.text
    assert not {"script", "img", "iframe", "form"} & html.tags


@pytest.mark.parametrize("kind", WORDS)
def test_mails_one_may_do_without_say_where_to_turn_them_off(kind: str) -> None:
    found = notice(kind)
    mail = letters().compose(found, "ada@example.org")
    told = f"{ADDRESS}/account/mail"
    assert (told in mail.text, told in mail.html) == ((found.group != "plan",) * 2)


@pytest.mark.parametrize("kind", WORDS)
def test_mails_about_a_plan_lead_to_where_it_is_managed(kind: str) -> None:
    found = notice(kind)
    mail = letters().compose(found, "ada@example.org")
    assert (f"{ADDRESS}/plan" in mail.text) == (found.group == "plan")


def test_times_are_in_utc_and_never_later_than_they_are() -> None:
    mail = letters().compose(notice("will_be_archived"), "ada@example.org")
    assert mail.subject == "The result of calls.vcf will be archived on 22 November 2026, 12:05 UTC"


def test_a_fact_nobody_knows_is_not_spoken_of() -> None:
    mail = letters().compose(notice("job_finished", until=None), "ada@example.org")
    assert "archived" not in mail.text
    assert "1,234 records" in mail.text


def test_a_file_name_cannot_become_markup_or_a_template() -> None:
    name = '<img src="//evil.example/x"> {records} {0.__class__}.vcf'
    mail = letters(name).compose(notice("archived"), "ada@example.org")
    assert name in mail.subject
    assert "img" not in Read(mail.html).tags
    assert name in Read(mail.html).words


@pytest.mark.parametrize("kind", ["archived", "job_finished"])
def test_a_file_name_cannot_become_a_header_or_turn_the_writing_round(kind: str) -> None:
    mail = letters("a\r\nBcc: x@evil.example\x00\u202efcv.\u2028vcf").compose(
        notice(kind), "ada@example.org"
    )
    plain = letters("aBcc: x@evil.examplefcv.vcf").compose(notice(kind), "ada@example.org")
    assert mail == plain
    nothing = letters("\r\n").compose(notice(kind), "ada@example.org")
    assert "your file" in nothing.subject


def test_a_long_name_is_cut_and_a_lost_one_paraphrased() -> None:
    long = letters("x" * 150 + ".vcf").compose(notice("archived"), "ada@example.org")
    assert f"{'x' * 59}…" in long.subject
    assert len(long.subject) < 100
    lost = letters(job=uuid4()).compose(notice("archived"), "ada@example.org")
    assert lost.subject == "The result of your file is archived"


def test_lines_of_plain_text_fit_and_links_stay_whole() -> None:
    mail = letters().compose(notice("job_failed"), "ada@example.org")
    assert f"{ADDRESS}/jobs/{JOB}" in mail.text.splitlines()
    assert all(len(line) <= 72 for line in mail.text.splitlines() if "://" not in line)
