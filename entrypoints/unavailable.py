"""What a request gets during an outage: 503, when to come back, and a sentence.

The page stands alone. Who is asking is not looked up for it, because that may be what is away.
"""

from __future__ import annotations

import structlog
from flask import Response, g, make_response, render_template, request

from entrypoints.api.problems import problem
from entrypoints.outages import Outage
from entrypoints.web.security import for_machines

RETRY_SECONDS = 10
READING = frozenset({"GET", "HEAD"})

log = structlog.get_logger()


def unavailable(outage: Outage, error: Exception) -> Response:
    """The answer to this request, as whoever asked reads it."""
    log.warning(
        "request.unavailable",
        outage=outage.name,
        error=f"{type(error).__name__}: {error}",
        path=request.path,
        correlation_id=g.get("correlation_id", ""),
    )
    reading = request.method in READING
    response = _answer(outage.sentence(reading=reading), reading=reading)
    response.headers["Retry-After"] = str(RETRY_SECONDS)
    return response


def _answer(sentence: str, *, reading: bool) -> Response:
    if request.path.startswith("/api/"):
        return problem(503, "unavailable", sentence)
    if for_machines(request.path):
        return Response(f"{sentence}\n", 503, content_type="text/plain; charset=utf-8")
    correlation_id = g.get("correlation_id", "")
    page = render_template(
        "unavailable.html", sentence=sentence, reading=reading, correlation_id=correlation_id
    )
    return make_response(page, 503)
