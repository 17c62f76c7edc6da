"""The guard before every API request: key, pace, scope, query and content type, in this order.

What an operation needs is read from the OpenAPI document itself, so that what is written there is
what is enforced. Whatever the document does not know is open to nobody without a key.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from flask import Response, g, request
from flask_openapi3.openapi import OpenAPI
from flask_openapi3.utils import parse_rule

from entrypoints.api.problems import Refused
from entrypoints.api.rates import Rate, Rates
from entrypoints.bootstrap import Gas
from entrypoints.people import NotSignedIn

PREFIX = "/api/"
BEARER = "bearer"


def needs(*scopes: str) -> list[dict[str, list[Any]]]:
    """The ``security`` of an operation: a bearer token, with these scopes."""
    return [{BEARER: list(scopes)}]


@dataclass(frozen=True, slots=True)
class Terms:
    """What one operation asks of a request; ``scopes`` is None where no key is needed."""

    scopes: frozenset[str] | None
    query: frozenset[str]
    media_types: frozenset[str]


UNKNOWN = Terms(frozenset(), frozenset(), frozenset())


def guard(app: OpenAPI, gas: Gas, rates: Rates) -> None:
    """Stand before every request under ``/api/``."""
    terms = _terms(app)

    @app.before_request
    def check() -> None:
        if "correlation_id" not in g:
            g.correlation_id = uuid4().hex
        if request.path.startswith(PREFIX):
            asked = terms.get((request.endpoint or "", _method()), UNKNOWN)
            _let_in(gas, rates, asked)
            if request.routing_exception is None:
                _check_query(asked)
                _check_body(asked)

    @app.after_request
    def label(response: Response) -> Response:
        response.headers["X-Correlation-Id"] = g.get("correlation_id", "")
        rate: Rate | None = g.get("rate")
        if rate is not None:
            response.headers.update(rate.headers())
        if request.path.startswith(PREFIX):
            response.headers.setdefault("Cache-Control", "no-store")
        return response


def _let_in(gas: Gas, rates: Rates, asked: Terms) -> None:
    """Who asks, at what pace, with what right; ``NotSignedIn`` before anything else is said."""
    secret = _bearer()
    g.rate = rates.count(_rate_key(secret))
    if g.rate.exceeded:
        raise Refused("rate_limited", f"Too many requests. Wait {g.rate.reset} seconds.")
    if asked.scopes is None:
        return
    if not secret:
        raise NotSignedIn("Send a token: `Authorization: Bearer gas_…`.")
    g.person = gas.people.by_token(secret)
    missing = sorted(scope for scope in asked.scopes if not g.person.may(scope))
    if missing:
        raise Refused("forbidden", f"This token lacks the scope {missing[0]}. Create one with it.")


def _bearer() -> str:
    authorization = request.authorization
    if authorization is None or authorization.type != BEARER:
        return ""
    return authorization.token or ""


def _rate_key(secret: str) -> str:
    """Keys are counted by digest, so that no secret is kept; the keyless by address."""
    if not secret:
        return f"address:{request.remote_addr}"
    return hashlib.sha256(secret.encode()).hexdigest()


def _check_query(asked: Terms) -> None:
    for name, values in request.args.lists():
        if name not in asked.query:
            known = ", ".join(sorted(asked.query)) or "none"
            raise Refused(
                "invalid_request",
                f"There is no query parameter {name[:60]!r} here; there are: {known}.",
            )
        if len(values) > 1:
            raise Refused("invalid_request", f"The query parameter {name!r} is given twice.")


def _check_body(asked: Terms) -> None:
    """The right content type, and JSON that is an object, before anything is made of it."""
    if not asked.media_types:
        return
    if request.mimetype not in asked.media_types:
        raise Refused(
            "unsupported_media_type",
            f"Send the body as {' or '.join(sorted(asked.media_types))},"
            f" and say so in Content-Type.",
        )
    if request.mimetype == "application/json":
        body = _json()
        if not isinstance(body, dict):
            raise Refused("invalid_request", "The body must be a JSON object, like {…}.")


def _json() -> Any:
    import json

    data = request.get_data(cache=True)
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as error:
        raise Refused("malformed_json", f"The body is not JSON: {_short(error)}.") from None


def _short(error: Exception) -> str:
    return str(error)[:120] if isinstance(error, ValueError) else "it is nested too deeply"


def _method() -> str:
    return "get" if request.method == "HEAD" else request.method.lower()


def _terms(app: OpenAPI) -> Mapping[tuple[str, str], Terms]:
    """The terms of every documented operation, by endpoint and method."""
    found = {}
    for rule in app.url_map.iter_rules():
        item = app.paths.get(parse_rule(rule.rule))
        for method in ("get", "post", "put", "patch", "delete"):
            operation = getattr(item, method, None)
            if operation is not None and method.upper() in (rule.methods or ()):
                found[rule.endpoint, method] = _terms_of(operation)
    return found


def _terms_of(operation: Any) -> Terms:
    scopes = {scope for need in operation.security or [] for scope in need[BEARER]}
    parameters = operation.parameters or []
    body = operation.requestBody
    return Terms(
        scopes=frozenset(scopes) if operation.security else None,
        query=frozenset(p.name for p in parameters if p.param_in.value == "query"),
        media_types=frozenset(body.content if body else ()),
    )
