"""What every answer carries and every question must not: headers, hosts, sizes, correlation."""

from __future__ import annotations

import secrets
from functools import cache
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from uuid import uuid4

from flask import Flask, Response, abort, g, redirect, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import SecurityError

if TYPE_CHECKING:
    from entrypoints.bootstrap import Gas

LOOPBACK = ["127.0.0.1", "localhost", "[::1]"]
FORWARDED = (
    "Forwarded",
    "X-Forwarded-For",
    "X-Forwarded-Host",
    "X-Forwarded-Proto",
    "X-Forwarded-Port",
    "X-Forwarded-Prefix",
    "X-Real-IP",
)
BODY_BYTES = 1_000_000  # a pasted file and its form; everything larger goes straight to the store
# what programs ask for; the pages' manners are not for them
MACHINES = ("/api/", "/hooks/", "/healthz", "/readyz", "/metrics")
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
STRIPES_PAGES = ("https://checkout.stripe.com", "https://billing.stripe.com")
ENCRYPTED_ONLY = {"Strict-Transport-Security": "max-age=31536000"}


def configure(app: Flask, gas: Gas) -> None:
    """Set the application's secret, hosts and cookies, and guard every request."""
    settings = gas.settings
    app.secret_key = app.secret_key or settings.secret.get_secret_value() or _passing_secret(gas)
    app.config.update(
        SESSION_COOKIE_NAME=f"gas_form_{settings.port}",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=settings.address.startswith("https:"),
    )
    if settings.local:
        app.config["TRUSTED_HOSTS"] = LOOPBACK
        app.before_request(_refuse_forwarded)
        app.before_request(_one_origin)
    app.before_request(_correlate)
    app.after_request(_Headers(gas).add)


def for_machines(path: str) -> bool:
    """Whether a path belongs to programs rather than to people."""
    return path.startswith(MACHINES)


def limit_body() -> None:
    """No form of ours is larger."""
    request.max_content_length = BODY_BYTES
    request.max_form_memory_size = BODY_BYTES


def _passing_secret(gas: Gas) -> str:
    """On one machine a secret may live as long as the process; elsewhere it must be given."""
    if not gas.settings.local:
        raise RuntimeError("GAS_SECRET is not set: it signs cookies. Set it to a long random text.")
    return secrets.token_urlsafe(32)


def _correlate() -> None:
    if "correlation_id" not in g:
        g.correlation_id = uuid4().hex


def _refuse_forwarded() -> None:
    """A local service is behind no proxy: whoever says so is one that should not be there."""
    if any(header in request.headers for header in FORWARDED):
        _correlate()
        abort(400, "This service runs on one machine and takes no forwarded requests.")


def _one_origin() -> ResponseReturnValue | None:
    """``localhost`` and ``127.0.0.1`` are two origins for a browser: pages live on one."""
    if isinstance(request.routing_exception, SecurityError) or for_machines(request.path):
        return None
    host, _, port = request.host.partition(":")
    if host != "localhost" or request.method not in {"GET", "HEAD"}:
        return None
    there = urlsplit(request.url)._replace(netloc=f"127.0.0.1:{port}" if port else "127.0.0.1")
    return redirect(there.geturl(), 307)


class _Headers:
    """Puts the headers on; the store's origin is asked for once, when the first page is made."""

    def __init__(self, gas: Gas) -> None:
        self._policy = cache(lambda: content_policy(store_origin(gas), *billing_origins(gas)))
        encrypted = gas.settings.address.startswith("https:")
        self._always = HEADERS | (ENCRYPTED_ONLY if encrypted else {})

    def add(self, response: Response) -> Response:
        response.headers.setdefault("X-Correlation-Id", g.get("correlation_id", ""))
        if for_machines(request.path):
            return response
        for name, value in self._always.items():
            response.headers.setdefault(name, value)
        response.headers.setdefault("Content-Security-Policy", self._policy())
        if not response.headers.get("Cache-Control"):
            response.headers["Cache-Control"] = "no-store"
        return response


def store_origin(gas: Gas) -> str:
    """Where browsers send files to, as scheme and host."""
    url = gas.settings.aws_endpoint or gas.uploads.upload_form("x", max_bytes=1, seconds=60).url
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def billing_origins(gas: Gas) -> tuple[str, ...]:
    """Where our forms lead people to pay: browsers check the redirect after a form too."""
    if not gas.settings.stripe_price:
        return ()
    return (gas.settings.stripe_url,) if gas.settings.stripe_url else STRIPES_PAGES


def content_policy(store: str, *billing: str) -> str:
    """Nothing inline, nothing from elsewhere; only files may go to the store.

    The form without scripts needs ``'self'`` beside the store: the way back is checked too.
    """
    forms = " ".join(("'self'", store, *billing))
    return "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "img-src 'self'",
            f"connect-src 'self' {store}",
            f"form-action {forms}",
            "base-uri 'none'",
            "frame-ancestors 'none'",
        )
    )
