"""Account: who one is here, what is used of the plan, tokens and sessions."""

from __future__ import annotations

from typing import Any

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

from domain.account import SCOPES
from entrypoints.people import Person
from entrypoints.web import visitor
from entrypoints.web.allowance import allowance_of
from entrypoints.web.sign_in import revoke
from entrypoints.web.visitor import signed_in, the_gas

routes = Blueprint("account", __name__, url_prefix="/account")

# scope -> what it lets a program do
MEANING = {
    "jobs:read": "list jobs, read results and logs",
    "jobs:write": "submit, cancel and delete jobs",
    "events:read": "follow the events of your jobs",
    "webhooks:write": "say where events are sent",
    "audit:read": "read everybody's history (auditors)",
}


@routes.get("")
@signed_in
def page(person: Person) -> ResponseReturnValue:
    return make_response(render_template("account.html", **_values(person)))


@routes.post("/tokens")
@signed_in
def create_token(person: Person) -> ResponseReturnValue:
    """A new token; its secret is in this one answer and nowhere else."""
    scopes = [scope for scope in _scopes(person) if scope in request.form.getlist("scope")]
    name = request.form.get("name", "").strip()
    if not scopes or not name:
        problem = "Give the token a name and at least one thing it may do."
        values = _values(person) | {"problem": problem, "name": name, "chosen": scopes}
        return make_response(render_template("account.html", **values), 422)
    secret = the_gas().people.create_token(person.user, name=name, scopes=scopes)
    return make_response(render_template("token.html", name=name, secret=secret))


@routes.post("/tokens/<token_id>/revoke")
@signed_in
def revoke_token(person: Person, token_id: str) -> ResponseReturnValue:
    the_gas().people.revoke_token(person.user, token_id)
    flash("The token is revoked: programs that use it are refused from now on.", "success")
    return redirect(url_for(".page"), 303)


@routes.post("/sessions/<session_id>/end")
@signed_in
def end_session(person: Person, session_id: str) -> ResponseReturnValue:
    if session_id == the_gas().people.session_id(visitor.session_secret()):
        abort(400, "That is the session you are in. Use “Sign out” at the top.")
    revoke(the_gas().people.end_session_of(person.user, session_id))
    flash("That session is signed out.", "success")
    return redirect(url_for(".page"), 303)


def _values(person: Person) -> dict[str, Any]:
    people = the_gas().people
    return {
        "profile": people.profile(person.user),
        "person": person,
        "allowance": allowance_of(the_gas(), person.user),
        "tokens": people.tokens(person.user),
        "sessions": people.sessions(person.user),
        "this_session": people.session_id(visitor.session_secret()),
        "scopes": _scopes(person),
        "name": "",
        "chosen": ["jobs:read", "jobs:write"],
    }


def _scopes(person: Person) -> dict[str, str]:
    """What this person may give to a token."""
    return {scope: MEANING[scope] for scope in SCOPES if person.may(scope)}
