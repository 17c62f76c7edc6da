"""One WSGI app: the API, the pages, and what operators' machines ask for."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime
from importlib.util import find_spec
from typing import Any

import structlog
from flask import Response, g, jsonify, request
from flask_openapi3.openapi import OpenAPI

from entrypoints import api
from entrypoints.api.problems import problem_of
from entrypoints.bootstrap import Gas
from entrypoints.hooks import sns as hooks_sns
from entrypoints.hooks import stripe as hooks_stripe
from entrypoints.metrics import CONTENT_TYPE, Metrics
from entrypoints.outages import outage_of
from entrypoints.readiness import readiness
from entrypoints.unavailable import unavailable

LOOPBACK = ["127.0.0.1", "localhost", "[::1]"]
WAITERS = 8  # requests that may wait for events at once; fewer than the server has threads
PAGES = "entrypoints.web"

log = structlog.get_logger()


class App(OpenAPI):
    """Answers outages with 503 everywhere, and every error under ``/api`` with a problem document,
    whatever the pages do."""

    def handle_user_exception(self, e: Exception) -> Any:
        try:
            return self._answer_to(e)
        except Exception as error:  # also the page about an error may not be reached
            outage = outage_of(error)
            if outage is None:
                raise
            return unavailable(outage, error)

    def _answer_to(self, e: Exception) -> Any:
        if outage_of(e):
            raise e
        if not request.path.startswith("/api/"):
            return super().handle_user_exception(e)
        response = problem_of(e)
        if response.status_code >= 500:
            log.error("request.failed", correlation_id=g.get("correlation_id"), exc_info=e)
        return response


def create_app(
    gas: Gas,
    *,
    stopping: Callable[[], bool] = lambda: False,
    waiters: int = WAITERS,
    began: datetime | None = None,
) -> OpenAPI:
    """The app for one service.

    ``stopping`` ends requests that wait for something to happen, ``waiters`` says how many may.
    The work process counts as alive when it was heard since ``began`` (now, where not given).
    """
    app = App("entrypoints", **api.openapi_options())
    app.config["PROPAGATE_EXCEPTIONS"] = False
    if gas.settings.local:
        app.config["TRUSTED_HOSTS"] = LOOPBACK
    _measure(app, gas)
    _add_health(app, gas, began or gas.clock())
    if find_spec(PAGES):
        from entrypoints import web  # type: ignore[attr-defined,unused-ignore]

        web.register(app, gas)
    api.register(app, gas, stopping=stopping, waiters=waiters)
    hooks_sns.register(app, gas, stopping=stopping)
    hooks_stripe.register(app, gas)
    return app


def _add_health(app: OpenAPI, gas: Gas, began: datetime) -> None:
    @app.route("/healthz")
    def healthz() -> Response:
        return Response("ok\n", content_type="text/plain; charset=utf-8")

    @app.route("/readyz")
    def readyz() -> tuple[Response, int]:
        checks = readiness(gas, since=began)
        ready = set(checks.values()) == {"ok"}
        return jsonify(ready=ready, checks=checks), 200 if ready else 503


def _measure(app: OpenAPI, gas: Gas) -> None:
    metrics = Metrics(gas)

    @app.before_request
    def begin() -> None:
        g.began = time.perf_counter()

    @app.after_request
    def end(response: Response) -> Response:
        metrics.observe(
            method=request.method,
            route=request.url_rule.rule if request.url_rule else "none",
            status=response.status_code,
            seconds=time.perf_counter() - g.get("began", time.perf_counter()),
        )
        return response

    @app.route("/metrics")
    def exposition() -> Response:
        return Response(metrics.exposition(), content_type=CONTENT_TYPE)
