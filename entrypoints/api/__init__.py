"""The API for integrators, under ``/api/v1``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask_openapi3.openapi import OpenAPI

from entrypoints.bootstrap import Gas

DESCRIPTION = (
    "Submit a VCF, follow its annotation, fetch the result. Send a token as"
    " `Authorization: Bearer gas_…`. Every POST takes an `Idempotency-Key`: the same key with the"
    " same request gives the same answer for 24 hours. Jobs carry their version as `ETag`;"
    " `If-Match` refuses a change that was decided on an older one."
)
REQUEST_BYTES = 10 * 2**20 + 64 * 2**10  # a file of 10 MB and the form around it


def openapi_options() -> dict[str, Any]:
    """What the app that carries the API is made with."""
    from flask_openapi3.models.info import Info

    from entrypoints.api.documents import Problem
    from entrypoints.api.guard import BEARER

    return {
        "info": Info(title="GAS API", version="1", description=DESCRIPTION),
        "security_schemes": {BEARER: {"type": "http", "scheme": "bearer"}},
        "doc_ui": False,
        "validation_error_model": Problem,
        "validation_error_callback": _refuse,
    }


def register(app: OpenAPI, gas: Gas, *, stopping: Callable[[], bool], waiters: int) -> None:
    """Add the API to the app; ``waiters`` requests may wait for events at once."""
    from entrypoints.api import account, docs, events, jobs, references, schemas, variants
    from entrypoints.api.guard import guard
    from entrypoints.api.rates import Rates
    from entrypoints.api.requests import EXTENSION

    app.extensions[EXTENSION] = gas
    app.extensions[events.WAITERS] = events.Waiters(waiters, stopping)
    app.config["MAX_CONTENT_LENGTH"] = REQUEST_BYTES
    for part in (jobs, variants, account, events, schemas, references, docs):
        app.register_api(part.api)
    guard(app, gas, Rates(gas.settings.requests_a_minute))


def _refuse(error: Any) -> Any:
    from entrypoints.api.problems import invalid

    raise invalid(error)
