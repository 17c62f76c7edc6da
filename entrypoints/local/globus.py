"""A stand-in for Globus Auth on loopback, for the real ``globus_sdk`` to talk to.

It asks for no password and signs anybody in, so it serves on loopback alone and says on every page
what it is. Paths and answers are Globus's: authorize, token, userinfo, introspect, revoke, logout,
``jwk.json`` and ``/.well-known/openid-configuration``.
"""

from __future__ import annotations

import hmac
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode, urlsplit

from flask import Blueprint, Response, abort, current_app, jsonify, redirect, request
from flask import render_template as page
from joserfc import jwt
from joserfc.jwk import RSAKey
from werkzeug.datastructures import Authorization
from werkzeug.wrappers import Response as AnyResponse

from entrypoints.local.globus_book import (
    CODE,
    CODE_SECONDS,
    LOCAL_USER,
    TOKEN,
    TOKEN_SECONDS,
    Book,
    Grant,
    Person,
    challenge_of,
)

NATIVE_CLIENT = "gas-command-line"  # a public client: PKCE instead of a secret
SCOPES = "openid profile email"
KEY_ID = "stand-in"

globus = Blueprint("globus", __name__, template_folder="templates")


@dataclass(slots=True)
class Globus:
    """One stand-in: where it is, its book, its one confidential client."""

    issuer: str
    book: Book
    client_id: str
    client_secret: str = field(repr=False)
    key: RSAKey = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self.key = RSAKey.import_key(
            self.book.signing_key(), {"kid": KEY_ID, "use": "sig", "alg": "RS256"}
        )

    def sign(self, person: Person, grant: Grant, *, at: int) -> str:
        """An ID token as Globus makes them, RS256."""
        claims = claims_of(person) | {
            "iss": self.issuer,
            "aud": grant.client_id,
            "iat": at,
            "exp": at + TOKEN_SECONDS,
        }
        if grant.nonce:
            claims["nonce"] = grant.nonce
        return jwt.encode({"alg": "RS256", "kid": KEY_ID}, claims, self.key)


def claims_of(person: Person) -> dict[str, Any]:
    """Who somebody is, in OpenID's words."""
    return {
        "sub": person.sub,
        "name": person.name,
        "preferred_username": person.email,
        "email": person.email,
        "organization": person.organization,
        "identity_provider_display_name": "GAS local stand-in",
    }


def here() -> Globus:
    """The stand-in that is answering."""
    stand_in: Globus = current_app.extensions["globus"]
    return stand_in


# --- pages ---------------------------------------------------------------------------------------


@globus.get("/v2/oauth2/authorize")
def ask() -> str:
    """The sign-in page; the local user is preselected."""
    _checked(request.args)
    return page(
        "globus/sign_in.html", people=here().book.people(), chosen=LOCAL_USER.sub, problem=""
    )


@globus.post("/v2/oauth2/authorize")
def allow() -> AnyResponse | tuple[str, int]:
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


@globus.get("/v2/web/auth-code")
def show_code() -> str:
    """Where a command-line client sends people: it shows the code to copy."""
    return page("globus/code.html", code=request.args.get("code", ""))


@globus.get("/v2/web/logout")
def logout() -> str:
    """Says so and leads back; the stand-in keeps no session of its own."""
    back = request.args.get("redirect_uri", "")
    name = request.args.get("redirect_name", "") or "the application"
    return page("globus/signed_out.html", back=back if _is_ours(back) else "", name=name)


# --- what clients ask ----------------------------------------------------------------------------


@globus.post("/v2/oauth2/token")
def exchange() -> Response | tuple[Response, int]:
    """A code for an access token and an ID token."""
    client_id = _client()
    if client_id is None:
        return jsonify(error="invalid_client"), 401
    if request.form.get("grant_type") != "authorization_code":
        return jsonify(error="unsupported_grant_type"), 400
    grant = here().book.take(request.form.get("code", ""))
    if grant is None or not _fits(grant, client_id):
        return jsonify(error="invalid_grant"), 400
    person = here().book.person(grant.sub)
    if person is None:
        return jsonify(error="invalid_grant"), 400
    now = int(time.time())
    return jsonify(
        access_token=here().book.give(TOKEN, _dated(grant, now), TOKEN_SECONDS),
        scope=grant.scope,
        resource_server="auth.globus.org",
        expires_in=TOKEN_SECONDS,
        token_type="Bearer",  # noqa: S106 - a type, not a token
        other_tokens=[],
        id_token=here().sign(person, grant, at=now),
    )


@globus.get("/v2/oauth2/userinfo")
def userinfo() -> Response | tuple[Response, int]:
    found = here().book.look_up(_bearer(request.authorization))
    person = here().book.person(found[0].sub) if found else None
    if person is None:
        return jsonify(code="UNAUTHORIZED", message="Call must be authenticated"), 401
    return jsonify(claims_of(person))


@globus.post("/v2/oauth2/token/introspect")
def introspect() -> Response | tuple[Response, int]:
    if _client() is None:
        return jsonify(error="invalid_client"), 401
    found = here().book.look_up(request.form.get("token", ""))
    person = here().book.person(found[0].sub) if found else None
    if found is None or person is None:
        return jsonify(active=False)
    grant, until = found
    return jsonify(
        active=True,
        sub=person.sub,
        username=person.email,
        name=person.name,
        email=person.email,
        client_id=grant.client_id,
        scope=grant.scope,
        iat=grant.issued,
        nbf=grant.issued,
        exp=int(until),
        iss=here().issuer,
        aud=["auth.globus.org", grant.client_id],
        token_type="Bearer",  # noqa: S106 - a type, not a token
    )


@globus.post("/v2/oauth2/token/revoke")
def revoke() -> Response | tuple[Response, int]:
    if _client() is None:
        return jsonify(error="invalid_client"), 401
    here().book.revoke(request.form.get("token", ""))
    return jsonify(active=False)


@globus.get("/jwk.json")
def keys() -> Response:
    return jsonify(keys=[here().key.as_dict(private=False)])


@globus.get("/.well-known/openid-configuration")
def configuration() -> Response:
    at = here().issuer
    return jsonify(
        issuer=at,
        authorization_endpoint=f"{at}/v2/oauth2/authorize",
        token_endpoint=f"{at}/v2/oauth2/token",
        userinfo_endpoint=f"{at}/v2/oauth2/userinfo",
        revocation_endpoint=f"{at}/v2/oauth2/token/revoke",
        jwks_uri=f"{at}/jwk.json",
        scopes_supported=SCOPES.split(),
        response_types_supported=["code"],
        grant_types_supported=["authorization_code"],
        subject_types_supported=["public"],
        id_token_signing_alg_values_supported=["RS256"],
    )


# --- checks --------------------------------------------------------------------------------------


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


def _client() -> str | None:
    """The client that is asking, if it proves it (or is public); None otherwise."""
    given = request.authorization
    if given is None or given.type != "basic":
        return NATIVE_CLIENT if request.form.get("client_id") == NATIVE_CLIENT else None
    matches = given.username == here().client_id and hmac.compare_digest(
        (given.password or "").encode(), here().client_secret.encode()
    )
    return here().client_id if matches else None


def _fits(grant: Grant, client_id: str) -> bool:
    """The code belongs to this client, this redirect and (PKCE) this verifier."""
    verifier = request.form.get("code_verifier", "")
    return (
        grant.client_id == client_id
        and grant.redirect_uri == request.form.get("redirect_uri")
        and (not grant.challenge or hmac.compare_digest(grant.challenge, challenge_of(verifier)))
    )


def _bearer(given: Authorization | None) -> str:
    return (given.token or "") if given and given.type == "bearer" else ""


def _dated(grant: Grant, now: int) -> Grant:
    return Grant(sub=grant.sub, client_id=grant.client_id, scope=grant.scope, issued=now)


def _back(uri: str, query: Mapping[str, str]) -> AnyResponse:
    return redirect(f"{uri}{'&' if '?' in uri else '?'}{urlencode(query)}", code=303)
