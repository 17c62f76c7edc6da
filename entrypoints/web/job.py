"""One job: how far it is, what came out, its log, and what can be done with it."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import Blueprint, flash, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from markupsafe import Markup

from domain.errors import DomainError, WrongState
from entrypoints.downloads import FileMissing, InputRemoved, ResultArchived, ResultRestoring
from entrypoints.people import Person
from entrypoints.web.job_story import Story, tell
from entrypoints.web.live import etag_of, part, unchanged
from entrypoints.web.new_job import checked_upload_id, fresh_upload_id
from entrypoints.web.statuses import STATUSES
from entrypoints.web.visitor import signed_in, the_gas

routes = Blueprint("job", __name__, url_prefix="/jobs/<uuid:job_id>")

# what cannot be downloaded now -> status and title of the page that says so
UNREADABLE: dict[type[DomainError], tuple[int, str]] = {
    ResultArchived: (409, "Archived"),
    ResultRestoring: (409, "Being restored"),
    InputRemoved: (410, "Removed"),
    FileMissing: (404, "The file is not there"),
}


@routes.get("")
@signed_in
def page(person: Person, job_id: UUID) -> ResponseReturnValue:
    story = _story(person, job_id)
    return make_response(render_template("job.html", **_values(story, etag_of(story))))


@routes.get("/live")
@signed_in
def live(person: Person, job_id: UUID) -> ResponseReturnValue:
    """The part of the page that changes while the job is under way."""
    story = _story(person, job_id)
    etag = etag_of(story)
    return unchanged(etag) or part(render_template("_job.html", **_values(story, etag)), etag)


@routes.get("/download/<what>")
@signed_in
def download(person: Person, job_id: UUID, what: str) -> ResponseReturnValue:
    """To a link that works for a few minutes and is made now, not when the page was."""
    try:
        return redirect(the_gas().jobs.download_url(job_id, what, owner=person.user))
    except tuple(UNREADABLE) as error:
        return _unreadable(job_id, error)


@routes.post("/cancel")
@signed_in
def cancel(person: Person, job_id: UUID) -> ResponseReturnValue:
    try:
        the_gas().service.cancel_job(job_id, owner=person.user)
    except WrongState as error:
        flash(str(error), "warning")
    return redirect(url_for(".page", job_id=job_id), 303)


@routes.get("/delete")
@signed_in
def confirm_delete(person: Person, job_id: UUID) -> ResponseReturnValue:
    job = the_gas().jobs.get(job_id, owner=person.user)
    return make_response(render_template("delete.html", job=job))


@routes.post("/delete")
@signed_in
def delete(person: Person, job_id: UUID) -> ResponseReturnValue:
    the_gas().jobs.get(job_id, owner=person.user)
    the_gas().service.request_deletion(job_id, owner=person.user)
    gone = Markup(
        'The job is deleted; its files are being removed. Its <a href="{}">history</a> stays.'
    )
    flash(gone.format(url_for("web.history.page", job_id=job_id)), "success")
    return redirect(url_for("web.jobs.page"), 303)


@routes.post("/again")
@signed_in
def again(person: Person, job_id: UUID) -> ResponseReturnValue:
    """The same input once more; the form names the new upload, so twice is once."""
    upload_id = checked_upload_id(request.form.get("upload_id", ""))
    try:
        recorded = the_gas().submission.submit_again(person.user, job_id, upload_id=upload_id)
    except DomainError as error:
        flash(str(error), "warning")
        return redirect(url_for(".page", job_id=job_id), 303)
    return redirect(url_for(".page", job_id=recorded.aggregate.id), 303)


def _unreadable(job_id: UUID, error: DomainError) -> ResponseReturnValue:
    status, title = UNREADABLE[type(error)]
    page = render_template(
        "unreadable.html",
        job_id=job_id,
        title=title,
        sentence=str(error),
        upgrade=isinstance(error, ResultArchived),
    )
    return make_response(page, status)


def _story(person: Person, job_id: UUID) -> Story:
    return tell(the_gas(), job_id, person.user)


def _values(story: Story, etag: str) -> dict[str, Any]:
    return {
        "story": story,
        "job": story.job,
        "etag": etag,
        "statuses": STATUSES,
        "policy": the_gas().policy,
        "upload_id": fresh_upload_id(),
    }
