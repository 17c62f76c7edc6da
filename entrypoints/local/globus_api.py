"""What the Globus SDK asks of the stand-in."""

from __future__ import annotations

import hmac
import time

from flask import Blueprint, Response, jsonify, request
from werkzeug.datastructures import Authorization

from entrypoints.local.globus import NATIVE_CLIENT, SCOPES, claims_of, here
from entrypoints.local.globus_book import TOKEN, TOKEN_SECONDS, Grant, challenge_of

api = Blueprint("globus_api", __name__)


@api.post("/v2/oauth2/token")
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


@api.get("/v2/oauth2/userinfo")
def userinfo() -> Response | tuple[Response, int]:
    found = here().book.look_up(_bearer(request.authorization))
    person = here().book.person(found[0].sub) if found else None
    if person is None:
        return jsonify(code="UNAUTHORIZED", message="Call must be authenticated"), 401
    return jsonify(claims_of(person))


@api.post("/v2/oauth2/token/introspect")
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


@api.post("/v2/oauth2/token/revoke")
def revoke() -> Response | tuple[Response, int]:
    if _client() is None:
        return jsonify(error="invalid_client"), 401
    here().book.revoke(request.form.get("token", ""))
    return jsonify(active=False)


@api.get("/jwk.json")
def keys() -> Response:
    return jsonify(keys=[here().key.as_dict(private=False)])


@api.get("/.well-known/openid-configuration")
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
