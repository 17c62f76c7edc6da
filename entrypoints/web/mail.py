"""Which mails one wants; and, on one machine, the mails that would have been sent."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from uuid import UUID

from flask import (
    Blueprint,
    abort,
    flash,
    make_response,
    redirect,
    render_template,
    request,
    url_for,
)
from flask.typing import ResponseReturnValue
from markupsafe import Markup

from domain.account import MAIL_GROUPS
from entrypoints.web.visitor import signed_in, the_gas

if TYPE_CHECKING:
    from entrypoints.people import Person

routes = Blueprint("mail", __name__)

# group -> what it tells of
MEANING = {
    "results": "when a job is finished or has failed",
    "storage": "when a result will be archived, is archived, is being restored, and is back",
}
# A mail is somebody else's document: it runs nothing, loads nothing, and knows no cookie.
ALONE = "sandbox; default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"


@dataclass(frozen=True, slots=True)
class ShownMail:
    """A mail as the embedded cloud holds it; ``time`` is ISO 8601."""

    id: str
    time: str
    subject: str
    text: str
    html: str


@routes.get("/account/mail")
@signed_in
def preferences(person: Person) -> ResponseReturnValue:
    unwanted = the_gas().service.account(person.user).unwanted_mails
    return make_response(
        render_template(
            "mail_preferences.html",
            profile=the_gas().people.profile(person.user),
            groups={group: MEANING[group] for group in MAIL_GROUPS},
            unwanted=unwanted,
            mailbox=bool(the_gas().settings.mailbox_url),
        )
    )


@routes.post("/account/mail")
@signed_in
def change_preferences(person: Person) -> ResponseReturnValue:
    wanted = request.form.getlist("wanted")
    unwanted = [group for group in MAIL_GROUPS if group not in wanted]
    the_gas().service.change_mail_preferences(person.user, unwanted)
    flash("Your choice is saved and counts for every mail from now on.", "success")
    return redirect(url_for(".preferences"), 303)


@routes.app_template_filter("own_links")
def own_links(text: str) -> Markup:
    """A text in which the addresses of this service can be followed, and no others."""
    parts = re.split(rf"({re.escape(the_gas().settings.address)}/[\w/?=&#.-]*)", text)
    link = Markup('<a href="{0}">{0}</a>')
    return Markup("").join(link.format(p) if i % 2 else p for i, p in enumerate(parts))


@routes.get("/mails")
@signed_in
def mailbox(person: Person) -> ResponseReturnValue:
    """The newest first. On one machine only: elsewhere mails are in people's own mailboxes."""
    mails = sorted(_mails_to(person.user), key=lambda mail: mail.time, reverse=True)
    profile = the_gas().people.profile(person.user)
    return make_response(render_template("mails.html", mails=mails, profile=profile))


@routes.get("/mails/<mail_id>")
@signed_in
def mail(person: Person, mail_id: str) -> ResponseReturnValue:
    """One mail's HTML as a mail program shows it, shut off from everything else."""
    found = next((mail for mail in _mails_to(person.user) if mail.id == mail_id), None)
    if found is None:
        abort(404, "There is no such mail: those of before the last start are gone.")
    response = make_response(found.html)
    response.headers["Content-Security-Policy"] = ALONE
    return response


def _mails_to(user: UUID) -> Iterator[ShownMail]:
    """What the embedded cloud was given for the person's own address."""
    settings = the_gas().settings
    if not (settings.local and settings.mailbox_url):
        abort(404)
    from entrypoints.local.cloud import read_mails

    address = the_gas().people.profile(user)["email"]
    for each in read_mails(settings.mailbox_url):
        if address and each["To"] == [address]:
            yield ShownMail(
                id=str(each["MessageId"]),
                time=datetime.fromtimestamp(each["Timestamp"], UTC).isoformat(),
                subject=str(each["Subject"]),
                text=str(each["BodyText"]),
                html=str(each["BodyHtml"]),
            )
