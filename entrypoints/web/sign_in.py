"""Signing in at the identity provider, and signing out."""

from __future__ import annotations

import hmac
import secrets
from typing import Any
from urllib.parse import urlsplit

import structlog
from flask import Blueprint, current_app, make_response, redirect, render_template, request, session
from flask import url_for as local_url_for
from flask.typing import ResponseReturnValue
from itsdangerous import BadSignature, URLSafeTimedSerializer

from domain.errors import DomainError
from entrypoints.web import visitor
from entrypoints.web.visitor import the_gas

routes = Blueprint("sign_in", __name__)
log = structlog.get_logger()

FLOW_SECONDS = 600  # how long a sign-in may take


@routes.get("/sign-in")
def page() -> ResponseReturnValue:
    next_page = safe_next(request.args.get("next", ""))
    if visitor.visitor():
        return redirect(next_page)
    return render_template("sign_in.html", next=next_page)


@routes.get("/sign-in/globus")
def start() -> ResponseReturnValue:
    """To the provider, with a ``state`` and a ``nonce`` that only this browser holds."""
    flow = {
        "state": secrets.token_urlsafe(24),
        "nonce": secrets.token_urlsafe(24),
        "next": safe_next(request.args.get("next", "")),
    }
    there = the_gas().identity.authorize_url(
        state=flow["state"], nonce=flow["nonce"], redirect_uri=_callback_address()
    )
    response = make_response(redirect(there))
    response.set_cookie(
        _flow_cookie(),
        _signer().dumps(flow),
        max_age=FLOW_SECONDS,
        path="/sign-in",
        httponly=True,
        samesite="Lax",
        secure=current_app.config["SESSION_COOKIE_SECURE"],
    )
    return response


@routes.get("/sign-in/callback")
def callback() -> ResponseReturnValue:
    """Back from the provider: only with the state this browser was given."""
    flow = _flow()
    if flow is None or not hmac.compare_digest(
        flow["state"].encode(), request.args.get("state", "").encode()
    ):
        return _failed("This sign-in is too old or was started elsewhere. Start it again.")
    if "code" not in request.args:
        return _failed("Globus did not sign you in. Start again, or choose another account.")
    try:
        identity = the_gas().identity.identify(
            code=request.args["code"], nonce=flow["nonce"], redirect_uri=_callback_address()
        )
    except DomainError as error:
        return _failed(str(error))
    secret = the_gas().people.sign_in(identity)
    _end_earlier(identity.access_token)
    response = make_response(redirect(flow["next"], 303))
    visitor.remember(response, secret)
    _end_flow(response)
    return response


@routes.post("/sign-out")
def sign_out() -> ResponseReturnValue:
    """End the session here and the provider's token there."""
    _end_earlier()
    response = make_response(redirect(local_url_for("web.sign_in.signed_out"), 303))
    visitor.forget(response)
    return response


@routes.get("/signed-out")
def signed_out() -> ResponseReturnValue:
    if visitor.visitor():
        return redirect(local_url_for("web.home.page"))
    there = the_gas().identity.sign_out_url(redirect_uri=the_gas().settings.address + "/")
    return render_template("signed_out.html", sign_out_url=there)


def _end_earlier(still_used: str = "") -> None:
    """End the session that this browser brought, whoever's it is, and what was made in it."""
    token = the_gas().people.end_session(visitor.session_secret())
    session.clear()
    if token != still_used:
        revoke(token)


def revoke(token: str) -> None:
    """Tell the provider that its token is no longer wanted; our session has ended either way."""
    if not token:
        return
    try:
        the_gas().identity.revoke(token)
    except Exception as error:
        log.warning("sign_out.not_revoked", error=f"{type(error).__name__}: {error}")


def safe_next(wanted: str) -> str:
    """A page of ours to go to after signing in; anything else becomes the list of jobs."""
    parts = urlsplit(wanted.replace("\\", "/"))
    ours = wanted.startswith("/") and not parts.scheme and not parts.netloc
    plain = wanted.isprintable() and not wanted.startswith(("//", "/\\", "/sign-in"))
    return wanted if ours and plain else local_url_for("web.jobs.page")


# --- the flow's cookie ---------------------------------------------------------------------------


def _flow() -> dict[str, Any] | None:
    try:
        flow: dict[str, Any] = _signer().loads(
            request.cookies.get(_flow_cookie(), ""), max_age=FLOW_SECONDS
        )
    except BadSignature:
        return None
    return flow


def _failed(sentence: str) -> ResponseReturnValue:
    response = make_response(render_template("sign_in.html", next="", problem=sentence), 400)
    _end_flow(response)
    return response


def _end_flow(response: Any) -> None:
    response.delete_cookie(_flow_cookie(), path="/sign-in", httponly=True, samesite="Lax")


def _flow_cookie() -> str:
    return f"gas_sign_in_{the_gas().settings.port}"


def _signer() -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(str(current_app.secret_key), salt="sign-in")


def _callback_address() -> str:
    return the_gas().settings.address + local_url_for("web.sign_in.callback")
