"""The variants of a job: filters and page stand in the address; all of it works without scripts."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import structlog
from flask import Blueprint, make_response, render_template, request
from flask.typing import ResponseReturnValue

from domain.errors import DomainError
from domain.ports import TableDamaged, VariantFilter
from entrypoints.downloads import FileMissing
from entrypoints.job_variants import NoVariants, NoVariantsYet
from entrypoints.people import Person
from entrypoints.web.statuses import IMPACTS
from entrypoints.web.variant_choices import FIELDS, choices_of
from entrypoints.web.variant_rows import shown
from entrypoints.web.visitor import signed_in, the_gas

log = structlog.get_logger()
routes = Blueprint("variants", __name__, url_prefix="/jobs/<uuid:job_id>/variants")

LONGEST = 200  # characters of one filter
# why there is no table -> status and title of the page that says so
NONE: dict[type[DomainError], tuple[int, str]] = {
    NoVariants: (404, "No variants"),
    NoVariantsYet: (409, "Not yet"),
    FileMissing: (404, "The table is not there"),
    TableDamaged: (500, "The table cannot be read"),
}


@routes.get("")
@signed_in
def page(person: Person, job_id: UUID) -> ResponseReturnValue:
    job = the_gas().jobs.get(job_id, owner=person.user)
    asked = _asked()
    try:
        found = the_gas().variants.page(
            job_id,
            VariantFilter(**asked),
            owner=person.user,
            cursor=request.args.get("cursor", ""),
        )
    except tuple(NONE) as error:
        return _none(job_id, error)
    values: dict[str, Any] = {
        "job": job,
        "asked": asked,
        "paged": "cursor" in request.args,
        "rows": shown(found.rows),
        "next": found.next,
        "counts": found.counts,
        "choices": choices_of(found.counts, asked),
        "impacts": IMPACTS,
        "without": lambda given, name: {n: v for n, v in given.items() if n != name},
    }
    return make_response(render_template("variants.html", **values))


def _asked() -> dict[str, str]:
    """The filters that were given."""
    given = {name: request.args.get(name, "").strip()[:LONGEST] for name in (*FIELDS, "text")}
    return {name: value for name, value in given.items() if value}


def _none(job_id: UUID, error: DomainError) -> ResponseReturnValue:
    status, title = NONE[type(error)]
    if status >= 500:
        log.error("variants.unreadable", job=str(job_id), error=str(error), exc_info=error)
    page = render_template("unreadable.html", job_id=job_id, title=title, sentence=str(error))
    return make_response(page, status)
