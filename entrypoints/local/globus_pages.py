"""The pages people see at the Globus stand-in."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlencode, urlsplit

from flask import Blueprint, abort, redirect, request
from flask import render_template as page
from werkzeug.wrappers import Response

from entrypoints.local.globus import NATIVE_CLIENT, SCOPES, here
from entrypoints.local.globus_book import CODE, CODE_SECONDS, LOCAL_USER, Grant, Person

pages = Blueprint("globus_pages", __name__)


@pages.get("/v2/oauth2/authorize")
def ask() -> str:
    """The sign-in page; the local user is preselected."""
    _checked(request.args)
    return page(
        "globus/sign_in.html", people=here().book.people(), chosen=LOCAL_USER.sub, problem=""
    )


@pages.post("/v2/oauth2/authorize")
def allow() -> Response | tuple[str, int]:
    """Back to the client with a code, or with a refusal when the person cancels."""
    wanted = _checked(request.args)
    state = {"state": wanted["state"]} if "state" in wanted else {}
    if "cancel" in request.form:
        return _back(wanted["redirect_uri"], {"error": "access_denied"} | state)
    person = _who(request.form)
    if person is None:
        problem = "Give a name and an email address, or choose somebody from the list."
        people = here().book.people()
        return page("globus/sign_in.html", people=people, chosen="new", problem=problem), 400
    grant = Grant(
        sub=person.sub,
        client_id=wanted["client_id"],
        scope=wanted.get("scope", SCOPES),
        redirect_uri=wanted["redirect_uri"],
        nonce=wanted.get("nonce", ""),
        challenge=wanted.get("code_challenge", ""),
    )
    code = here().book.give(CODE, grant, CODE_SECONDS)
    return _back(wanted["redirect_uri"], {"code": code} | state)


@pages.get("/v2/web/auth-code")
def show_code() -> str:
    """Where a command-line client sends people: it shows the code to copy."""
    return page("globus/code.html", code=request.args.get("code", ""))


@pages.get("/v2/web/logout")
def logout() -> str:
    """Says so and leads back; the stand-in keeps no session of its own."""
    back = request.args.get("redirect_uri", "")
    name = request.args.get("redirect_name", "") or "the application"
    return page("globus/signed_out.html", back=back if _is_ours(back) else "", name=name)


def _checked(wanted: Mapping[str, str]) -> Mapping[str, str]:
    """A request to sign in that may be shown: a client we know, going back to this machine."""
    if wanted.get("client_id") not in (here().client_id, NATIVE_CLIENT):
        abort(400, "No such client is registered here.")
    if wanted.get("response_type") != "code":
        abort(400, "Only the authorization-code flow is supported.")
    if not _is_ours(wanted.get("redirect_uri", "")):
        abort(400, "The stand-in only sends people back to pages of this machine.")
    if wanted.get("client_id") == NATIVE_CLIENT and not wanted.get("code_challenge"):
        abort(400, "A client without a secret must use PKCE.")
    return wanted


def _is_ours(url: str) -> bool:
    parts = urlsplit(url)
    return parts.scheme == "http" and parts.hostname in ("127.0.0.1", "localhost", "::1")


def _who(form: Mapping[str, str]) -> Person | None:
    """Whoever was typed in, even where the choice was left on somebody else; or was chosen."""
    name, email = form.get("name", "").strip()[:100], form.get("email", "").strip()[:200]
    if name and "@" in email:
        return here().book.meet(name, email)
    return None if name or email else here().book.person(form.get("person", ""))


def _back(uri: str, query: Mapping[str, str]) -> Response:
    return redirect(f"{uri}{'&' if '?' in uri else '?'}{urlencode(query)}", code=303)
