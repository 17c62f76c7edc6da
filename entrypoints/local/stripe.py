"""A stand-in for Stripe on loopback, for the real ``stripe`` client to talk to.

Customers, checkout sessions with a page to pay at, subscriptions, a portal, signed webhooks that
are sent until they are taken. Nothing is charged and no card exists.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import sys
import threading
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

from flask import Blueprint, Response, current_app, jsonify, redirect, request
from flask import render_template as page
from werkzeug.wrappers import Response as AnyResponse

from entrypoints.local.stripe_desk import Desk, Refused, Unknown
from entrypoints.local.stripe_objects import Object, signature

METADATA = re.compile(r"metadata\[(\w+)\]")
SUBSCRIPTION_METADATA = re.compile(r"subscription_data\[metadata\]\[(\w+)\]")
TICK_SECONDS = 0.1
SEND_SECONDS = 10

api = Blueprint("stripe_api", __name__, url_prefix="/v1")
pages = Blueprint("stripe_pages", __name__)


@dataclass(frozen=True, slots=True)
class Stripe:
    """The stand-in: its desk, the key it accepts, and where its webhooks go."""

    desk: Desk
    api_key: str = field(repr=False)
    webhook_url: str
    webhook_secret: str = field(repr=False)

    def run(self, stopped: threading.Event) -> None:
        """Deliver webhooks until stopped."""
        while not stopped.wait(TICK_SECONDS):
            self.desk.deliver_due(self._send)

    def _send(self, payload: str) -> bool:
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "Stripe-Signature": signature(payload, self.webhook_secret),
        }
        wanted = urllib.request.Request(self.webhook_url, payload.encode(), headers)  # noqa: S310
        try:
            with urllib.request.urlopen(wanted, timeout=SEND_SECONDS) as answer:  # noqa: S310
                return bool(200 <= answer.status < 300)
        except OSError as error:
            sys.stderr.write(f"a webhook was not taken and is sent again: {error}\n")
            return False


def desk() -> Desk:
    """Of the stand-in that is answering."""
    return _here().desk


def _here() -> Stripe:
    stand_in: Stripe = current_app.extensions["stripe"]
    return stand_in


# --- what clients ask ----------------------------------------------------------------------------


@api.before_request
def _known_and_new() -> tuple[Response, int] | None:
    """Refuse another key, and repeat the answer to a request that was made before."""
    given = request.authorization
    token = (given.token or given.username or "") if given else ""
    if not hmac.compare_digest(token.encode(), _here().api_key.encode()):
        return _error(401, "invalid_request_error", "Invalid API Key provided")
    key = request.headers.get("Idempotency-Key")
    before = desk().answered(key, _digest()) if key else None
    return (jsonify(before[1]), before[0]) if before else None


@api.after_request
def _remember(response: Response) -> Response:
    key = request.headers.get("Idempotency-Key")
    if key and request.method == "POST" and response.status_code == 200:
        desk().remember(key, _digest(), 200, response.get_json())
    return response


@api.post("/customers")
def add_customer() -> Response:
    form = request.form
    about = _matching(METADATA)
    return jsonify(desk().add_customer(form.get("name", ""), form.get("email", ""), about))


@api.get("/customers/<id>")
def customer(id: str) -> Response:
    return jsonify(desk().get("customer", id))


@api.delete("/customers/<id>")
def delete_customer(id: str) -> Response:
    return jsonify(desk().delete_customer(id))


@api.post("/checkout/sessions")
def open_checkout() -> Response:
    form = request.form
    if form.get("mode") != "subscription":
        raise Refused("The stand-in sells subscriptions alone.")
    wanted: Object = {
        "mode": "subscription",
        "customer": form["customer"],
        "client_reference_id": form.get("client_reference_id"),
        "price": form["line_items[0][price]"],
        "success_url": form["success_url"],
        "cancel_url": form["cancel_url"],
        "subscription_metadata": _matching(SUBSCRIPTION_METADATA),
    }
    return jsonify(desk().open_checkout(wanted))


@api.get("/checkout/sessions/<id>")
def checkout(id: str) -> Response:
    return jsonify(desk().checkout(id))


@api.post("/billing_portal/sessions")
def open_portal() -> Response:
    return jsonify(desk().open_portal(request.form["customer"], request.form["return_url"]))


@api.get("/subscriptions")
def subscriptions() -> Response:
    found = desk().subscriptions(request.args.get("customer", ""))
    return jsonify(object="list", url="/v1/subscriptions", has_more=False, data=found)


@api.get("/subscriptions/<id>")
def subscription(id: str) -> Response:
    return jsonify(desk().get("subscription", id))


@api.post("/subscriptions/<id>")
def change(id: str) -> Response:
    ends = request.form.get("cancel_at_period_end") == "true"
    return jsonify(desk().schedule_end(id, ends=ends))


@api.delete("/subscriptions/<id>")
def cancel(id: str) -> Response:
    return jsonify(desk().end(id))


@api.errorhandler(Unknown)
def unknown(error: Unknown) -> tuple[Response, int]:
    return _error(404, "invalid_request_error", f"No such object: {error}", "resource_missing")


@api.errorhandler(Refused)
def refused(error: Refused) -> tuple[Response, int]:
    idempotency = "Idempotency" in str(error)
    kind = "idempotency_error" if idempotency else "invalid_request_error"
    return _error(400, kind, str(error))


def _error(status: int, type: str, message: str, code: str = "") -> tuple[Response, int]:
    return jsonify(error={"type": type, "message": message, "code": code or None}), status


def _digest() -> str:
    body = repr(sorted(request.form.items(multi=True)))
    return hashlib.sha256(f"{request.method} {request.path} {body}".encode()).hexdigest()


def _matching(pattern: re.Pattern[str]) -> dict[str, str]:
    found = ((pattern.fullmatch(name), value) for name, value in request.form.items())
    return {match[1]: value for match, value in found if match}


# --- what people see -----------------------------------------------------------------------------

ACTIONS: dict[str, Callable[[Desk, str], Object]] = {
    "end_later": lambda desk, which: desk.schedule_end(which, ends=True),
    "resume": lambda desk, which: desk.schedule_end(which, ends=False),
    "fail": lambda desk, which: desk.fail_payment(which),
    "mend": lambda desk, which: desk.mend_payment(which),
    "end": lambda desk, which: desk.end(which),
}


@pages.get("/pay/<id>")
def pay_page(id: str) -> str:
    return page("stripe/pay.html", vendor="Stripe", session=desk().checkout(id))


@pages.post("/pay/<id>")
def pay(id: str) -> AnyResponse:
    session = desk().checkout(id) if "cancel" in request.form else desk().pay(id)
    back = session["cancel_url" if "cancel" in request.form else "success_url"]
    return redirect(back.replace("{CHECKOUT_SESSION_ID}", id), code=303)


@pages.get("/portal/<id>")
def portal_page(id: str) -> str:
    session = desk().get("billing_portal.session", id)
    found = desk().subscriptions(session["customer"])
    return page("stripe/portal.html", vendor="Stripe", session=session, subscriptions=found)


@pages.post("/portal/<id>")
def act(id: str) -> AnyResponse:
    """What the customer does, and what time would do."""
    session = desk().get("billing_portal.session", id)
    own = {each["id"] for each in desk().subscriptions(session["customer"])}
    chosen = request.form.get("subscription", "")
    if chosen not in own or request.form.get("action") not in ACTIONS:
        raise Unknown(chosen)
    with suppress(Refused):  # the page shows how it is
        ACTIONS[request.form["action"]](desk(), chosen)
    return redirect(f"/portal/{id}", code=303)


@pages.errorhandler(Unknown)
def no_page(error: Unknown) -> tuple[str, int]:
    return page("standin/refused.html", vendor="Stripe", reason="There is no such page."), 404


@pages.errorhandler(Refused)
def no_way(error: Refused) -> tuple[str, int]:
    return page("standin/refused.html", vendor="Stripe", reason=str(error)), 409
