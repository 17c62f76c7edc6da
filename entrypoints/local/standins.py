"""The process of the loopback stand-ins for the vendors, and what they have in common.

They ask for no password and believe everybody, so they bind to 127.0.0.1 alone, answer to loopback
names alone, and refuse what a proxy forwarded: they must never be reachable from outside.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from threading import Event, Thread
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from flask import Flask, abort, render_template, request
from flask.wrappers import Response
from flask_bootstrap import Bootstrap5
from werkzeug.exceptions import HTTPException, SecurityError
from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from adapters.cloud import Cloud
from entrypoints.told import Told

if TYPE_CHECKING:
    from entrypoints.local.glacier import Vaults
    from entrypoints.local.stripe import Stripe
    from entrypoints.local.vault_book import Timing

LOOPBACK = "127.0.0.1"
LOOK_SECONDS = 1.0
TRUSTED_HOSTS = [LOOPBACK, "localhost"]
FORWARDED = ("Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "Via")
CSP = (
    "default-src 'none'; style-src 'self'; img-src 'self' data:; base-uri 'none'; "
    # A form's answer is a redirect to the service, which browsers check too.
    "frame-ancestors 'none'; form-action 'self' http://127.0.0.1:* http://localhost:*"
)


def stand_in(name: str) -> Flask:
    """An empty application that only this machine's own browser and clients can use."""
    app = Flask(name)
    app.config["TRUSTED_HOSTS"] = TRUSTED_HOSTS
    app.config["BOOTSTRAP_SERVE_LOCAL"] = True
    app.config["MAX_CONTENT_LENGTH"] = 16 * 2**20
    Bootstrap5(app)
    app.before_request(_only_from_here)
    app.after_request(_hardened)
    app.register_error_handler(HTTPException, _explained)
    app.add_url_rule("/healthz", "healthz", lambda: {"status": "ok"})
    return app


def _only_from_here() -> None:
    if any(header in request.headers for header in FORWARDED):
        abort(403, "A stand-in is for this machine alone, not for use behind a proxy.")
    origin = request.headers.get("Origin")
    if request.method != "GET" and origin and urlsplit(origin).netloc != request.host:
        abort(403, "This form came from another site.")


def _hardened(response: Response) -> Response:
    response.headers["Content-Security-Policy"] = CSP
    response.headers["X-Content-Type-Options"] = "nosniff"
    # "no-referrer" would make browsers send "Origin: null" with our own forms.
    response.headers["Referrer-Policy"] = "same-origin"
    response.headers.setdefault("Cache-Control", "no-store")
    return response


def _explained(error: HTTPException) -> tuple[str, int]:
    if isinstance(error, SecurityError):  # a host we do not trust: no page can be made for it
        return "This stand-in answers to 127.0.0.1 and localhost alone.\n", 400
    return render_template("standin/refused.html", reason=error.description), error.code or 500


def bind(app: Flask, port: int, host: str = LOOPBACK) -> BaseWSGIServer:
    """A server for the application, on loopback or not at all (``ValueError``)."""
    if host != LOOPBACK:
        raise ValueError(f"A stand-in serves on {LOOPBACK} alone, not on {host}.")
    return make_server(host, port, app, threaded=True, request_handler=_Discreet)


class _Discreet(WSGIRequestHandler):
    """Writes no line per request: addresses carry codes and people's names."""

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        return


def serve(apps: Mapping[int, Flask], beside: Sequence[Callable[[Event], None]] = ()) -> None:
    """Serve each application on its port, with what runs beside them, until SIGTERM."""
    servers = [bind(app, port) for port, app in apps.items()]
    over, told = Event(), Told()
    signal.signal(signal.SIGTERM, lambda *_: told.set())
    for server in servers:
        Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    for run in beside:
        Thread(target=run, args=(over,), daemon=True).start()
    while not told.wait(LOOK_SECONDS):
        pass
    over.set()
    for server in servers:
        server.shutdown()


def globus_app(data: Path, port: int, *, client_id: str, client_secret: str) -> Flask:
    """The Globus stand-in, with its book in the data folder."""
    from entrypoints.local.globus import Globus
    from entrypoints.local.globus_api import api
    from entrypoints.local.globus_book import Book
    from entrypoints.local.globus_pages import pages

    app = stand_in("entrypoints.local")
    app.extensions["globus"] = Globus(
        issuer=f"http://{LOOPBACK}:{port}",
        book=Book(data / "standins" / "globus.db"),
        client_id=client_id,
        client_secret=client_secret,
    )
    app.register_blueprint(pages)
    app.register_blueprint(api)
    return app


def glacier_app(
    data: Path,
    publish: Callable[[str, str], None],
    *,
    access_key: str,
    secret_key: str,
    timing: Timing | None = None,
) -> tuple[Flask, Vaults]:
    """The Glacier stand-in, with its archives in the data folder; run the second beside it."""
    from entrypoints.local.glacier import Vaults, glacier
    from entrypoints.local.glacier_pages import pages
    from entrypoints.local.vault_book import VaultBook

    app = stand_in("entrypoints.local")
    app.config["MAX_CONTENT_LENGTH"] = 4 * 2**30
    book = VaultBook(data / "standins" / "vault", timing)
    vaults = Vaults(book, publish, access_key, secret_key)
    app.extensions["vaults"] = vaults
    app.register_blueprint(glacier)
    app.register_blueprint(pages)
    return app, vaults


def stripe_app(
    data: Path, port: int, *, api_key: str, webhook_url: str, webhook_secret: str
) -> tuple[Flask, Stripe]:
    """The Stripe stand-in, with its desk in the data folder; run the second beside it."""
    from entrypoints.local.stripe import Stripe, api, pages
    from entrypoints.local.stripe_desk import Desk

    app = stand_in("entrypoints.local")
    desk = Desk(data / "standins" / "stripe.db", f"http://{LOOPBACK}:{port}")
    stand = Stripe(desk, api_key, webhook_url, webhook_secret)
    app.extensions["stripe"] = stand
    app.register_blueprint(api)
    app.register_blueprint(pages)
    return app, stand


def main() -> None:
    """Everything comes from the environment the supervisor gives."""
    env, data = os.environ, Path(os.environ["GAS_DATA_DIR"])
    ports = {name: int(env[f"GAS_{name}_PORT"]) for name in ("GLOBUS", "VAULT", "STRIPE")}
    globus = globus_app(
        data,
        ports["GLOBUS"],
        client_id=env["GAS_GLOBUS_CLIENT_ID"],
        client_secret=env["GAS_GLOBUS_CLIENT_SECRET"],
    )
    cloud = Cloud(env["AWS_ENDPOINT_URL"])

    def publish(topic_arn: str, message: str) -> None:
        """As Glacier does to SNS: without message attributes."""
        cloud.client("sns").publish(TopicArn=topic_arn, Message=message)

    vault, vaults = glacier_app(
        data,
        publish,
        access_key=env["AWS_ACCESS_KEY_ID"],
        secret_key=env["AWS_SECRET_ACCESS_KEY"],
    )
    stripe, stand = stripe_app(
        data,
        ports["STRIPE"],
        api_key=env["GAS_STRIPE_KEY"],
        webhook_url=f"http://{LOOPBACK}:{env['GAS_PORT']}/hooks/stripe",
        webhook_secret=env["GAS_STRIPE_WEBHOOK_SECRET"],
    )
    apps = {ports["GLOBUS"]: globus, ports["VAULT"]: vault, ports["STRIPE"]: stripe}
    serve(apps, [vaults.run, stand.run])


if __name__ == "__main__":
    main()
