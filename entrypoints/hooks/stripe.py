"""``/hooks/stripe``, in every mode: what Stripe tells us. Nothing unsigned is believed."""

from __future__ import annotations

from uuid import uuid4

import structlog
from flask import Blueprint, Flask, Response, g, request

from domain.errors import DomainError, NotFound
from domain.ports.billing import BillingFailed
from entrypoints.api.problems import problem
from entrypoints.bootstrap import Gas

MOST_BYTES = 1_000_000

log = structlog.get_logger()


def register(app: Flask, gas: Gas) -> None:
    """Add the address; Stripe sends again for days what is not answered with 200."""
    hooks = Blueprint("hooks_stripe", __name__)

    @hooks.post("/hooks/stripe")
    def stripe() -> Response:
        g.setdefault("correlation_id", uuid4().hex)
        request.max_content_length = MOST_BYTES
        return _answer(gas, request.get_data(), request.headers.get("Stripe-Signature", ""))

    app.register_blueprint(hooks)


def _answer(gas: Gas, body: bytes, signature: str) -> Response:
    try:
        gas.purchases.hear(body, signature)
    except BillingFailed as error:
        log.warning("stripe.not_asked", error=str(error), retryable=error.retryable)
        return problem(503, "billing_unavailable", "Stripe cannot be asked now. Send it again.")
    except NotFound as error:  # signed, but about something that is not there: nothing to do
        log.warning("stripe.unknown", error=str(error))
    except DomainError as error:
        log.warning("stripe.refused", error=str(error))
        return problem(400, error.code, str(error))
    return Response(status=200)
