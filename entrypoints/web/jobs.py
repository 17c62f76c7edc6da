"""My jobs: filters, search and page stand in the address; rows keep themselves up to date."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, make_response, render_template, request
from flask.typing import ResponseReturnValue

from entrypoints.job_documents import Page
from entrypoints.people import Person
from entrypoints.web.formats import between
from entrypoints.web.live import etag_of, part, unchanged
from entrypoints.web.statuses import FINAL, STATUSES
from entrypoints.web.visitor import signed_in, the_gas

routes = Blueprint("jobs", __name__)

FILTERS = ("status", "reference", "q", "cursor")


@routes.get("/jobs")
@signed_in
def page(person: Person) -> ResponseReturnValue:
    listed = _listed(person)
    return make_response(render_template("jobs.html", **_values(listed)))


@routes.get("/jobs/rows")
@signed_in
def rows(person: Person) -> ResponseReturnValue:
    """The table alone, for the page that shows it."""
    listed = _listed(person)
    etag = _etag(listed)
    return unchanged(etag) or part(render_template("_rows.html", **_values(listed)), etag)


def _listed(person: Person) -> Page:
    return the_gas().jobs.page(
        person.user,
        status=request.args.get("status", ""),
        reference=request.args.get("reference", ""),
        label=request.args.get("q", "").strip(),
        cursor=request.args.get("cursor", ""),
    )


def _values(listed: Page) -> dict[str, Any]:
    asked = {name: value for name in FILTERS if (value := request.args.get(name, ""))}
    return {
        "jobs": listed.jobs,
        "next": listed.next,
        "asked": asked,
        "filtered": {name: value for name, value in asked.items() if name != "cursor"},
        "statuses": STATUSES,
        "references": the_gas().annotator.references(),
        "moving": any(job["status"] not in FINAL for job in listed.jobs),
        "etag": _etag(listed),
        "between": between,
    }


def _etag(listed: Page) -> str:
    return etag_of(listed.jobs, listed.next)
