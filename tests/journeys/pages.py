"""Every page there is, with what makes it show something, for axe and for pictures."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from uuid import uuid4

from playwright.sync_api import Page, expect

from adapters.annotator_bcftools.references import BUNDLED

BROKEN = (BUNDLED / "sars-cov-2" / "example.vcf").read_text().replace("\t241\t", "\t0\t")


@dataclass(frozen=True, slots=True)
class Visit:
    """A page and how to get it on the screen."""

    name: str
    path: str


def submit_example(page: Page, url: str, reference: str, label: str) -> str:
    """Run a reference's example to its end; the path of its page."""
    page.goto(f"{url}/new?example={reference}")
    page.get_by_label("Label").fill(label)
    page.get_by_role("button", name="Annotate").click()
    expect(page.locator(".job-state")).to_contain_text("Completed", timeout=30_000)
    return page.url.removeprefix(url)


def every_page(job: str) -> Iterator[Visit]:
    """All pages of a person who has jobs; ``job`` is the path of a completed one."""
    yield Visit("home", "/")
    yield Visit("new-job", "/new")
    yield Visit("new-job-text", "/new")
    yield Visit("new-job-refused", "/new")
    yield Visit("upload-without-scripts", "/new")
    yield Visit("jobs", "/jobs")
    yield Visit("jobs-nothing-fits", "/jobs?q=nothing+is+called+so")
    yield Visit("job", job)
    yield Visit("variants", f"{job}/variants")
    yield Visit("variants-chosen", f"{job}/variants?gene=S&impact=MODERATE")
    yield Visit("variants-unfolded", f"{job}/variants?text=s-")
    yield Visit("variants-nothing-fits", f"{job}/variants?gene=S&text=nothing+like+it")
    yield Visit("history", f"{job}/history")
    yield Visit("history-then", f"{job}/history?at=2")
    yield Visit("history-compared", f"{job}/history?diff=1..3")
    yield Visit("history-unfolded", f"{job}/history")
    yield Visit("delete", f"{job}/delete")
    yield Visit("plan", "/plan")
    yield Visit("plan-after-paying", "/plan?back=pay")
    yield Visit("account", "/account")
    yield Visit("token-created", "/account")
    yield Visit("mail-preferences", "/account/mail")
    yield Visit("mails", "/mails")
    yield Visit("not-found", f"/jobs/{uuid4()}")
    yield Visit("too-old-a-form", "/new")


def show(page: Page, url: str, visit: Visit) -> None:
    """Bring a page to the state its name promises."""
    page.goto(url + visit.path)
    act = ACTIONS.get(visit.name)
    if act:
        act(page)


def _text(page: Page) -> None:
    page.get_by_text("Pasted text").click()
    page.get_by_label("VCF text").fill(BROKEN)
    page.get_by_label("Reference").select_option("sars-cov-2")
    page.get_by_label("Label").fill("Run 12, plate B")


def _refused(page: Page) -> None:
    _text(page)
    page.get_by_role("button", name="Annotate").click()
    expect(page.get_by_role("alert")).to_contain_text("Line 4")


def _upload(page: Page) -> None:
    page.evaluate("document.getElementById('job').submit()")
    expect(page.get_by_role("heading", name="Upload the file")).to_be_visible()


def _token(page: Page) -> None:
    page.get_by_label("Name").fill("laptop")
    page.get_by_role("button", name="Create token").click()
    expect(page.get_by_role("heading", name="Your new token")).to_be_visible()


def _unfold(page: Page) -> None:
    page.locator("#v3 summary").first.click()
    page.locator("#v3 details details summary").click()


def _unfold_variant(page: Page) -> None:
    page.locator(".change summary").first.click()


def _old_form(page: Page) -> None:
    page.evaluate("document.querySelector('#job [name=csrf_token]').value = 'old'")
    page.evaluate("document.getElementById('job').submit()")
    expect(page.get_by_text("Error 400")).to_be_visible()


ACTIONS = {
    "new-job-text": _text,
    "new-job-refused": _refused,
    "upload-without-scripts": _upload,
    "token-created": _token,
    "too-old-a-form": _old_form,
    "history-unfolded": _unfold,
    "variants-unfolded": _unfold_variant,
}
STRANGERS = (
    Visit("home-stranger", "/"),
    Visit("sign-in", "/sign-in"),
    Visit("signed-out", "/signed-out"),
    Visit("api", "/api/v1/docs"),
)
