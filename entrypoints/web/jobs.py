"""My jobs: filters, search and page stand in the address; rows keep themselves up to date."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, make_response, render_template, request
from flask.typing import ResponseReturnValue

from entrypoints.job_documents import Page
from entrypoints.people import Person
from entrypoints.web.formats import between
from entrypoints.web.live import etag_of, part, unchanged
from entrypoints.web.pace import QUICK, pace_of, quickest
from entrypoints.web.seen import is_up_to_date
from entrypoints.web.statuses import STATUSES
from entrypoints.web.visitor import signed_in, the_gas

routes = Blueprint("jobs", __name__)

FILTERS = ("status", "reference", "q", "cursor")


@routes.get("/jobs")
@signed_in
def page(person: Person) -> ResponseReturnValue:
    up_to_date = is_up_to_date(the_gas())
    return make_response(render_template("jobs.html", **_values(person, up_to_date)))


@routes.get("/jobs/rows")
@signed_in
def rows(person: Person) -> ResponseReturnValue:
    """The table alone, for the page that shows it."""
    up_to_date = is_up_to_date(the_gas(), patience=0)
    values = _values(person, up_to_date)
    etag = values["etag"]
    return unchanged(etag) or part(render_template("_rows.html", **values), etag)


def _listed(person: Person) -> Page:
    return the_gas().jobs.page(
        person.user,
        status=request.args.get("status", ""),
        reference=request.args.get("reference", ""),
        label=request.args.get("q", "").strip(),
        cursor=request.args.get("cursor", ""),
    )


def _pace(jobs: list[dict[str, Any]], entitled: bool) -> int | None:
    now = the_gas().clock()
    return quickest(pace_of(job, entitled=entitled, now=now) for job in jobs)


def _values(person: Person, up_to_date: bool) -> dict[str, Any]:
    listed, entitled = _listed(person), the_gas().jobs.entitled(person.user)
    asked = {name: value for name in FILTERS if (value := request.args.get(name, ""))}
    pace = QUICK if not up_to_date else _pace(listed.jobs, entitled)
    return {
        "jobs": listed.jobs,
        "next": listed.next,
        "asked": asked,
        "filtered": {name: value for name, value in asked.items() if name != "cursor"},
        "statuses": STATUSES,
        "references": the_gas().annotator.references(),
        "pace": pace,
        "entitled": entitled,
        "etag": etag_of(listed.jobs, listed.next, pace, entitled),
        "between": between,
    }
