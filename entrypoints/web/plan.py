"""The plan: what it allows, buying the other one, and what becomes of the results.

Only POSTs ask the payment provider; what counts is its word, whatever page one comes back to.
"""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from domain.errors import NotFound, WrongState
from domain.plans import PLANS
from entrypoints.people import Person
from entrypoints.plan_standing import standing_of
from entrypoints.web.allowance import allowance_of
from entrypoints.web.visitor import signed_in, the_gas

routes = Blueprint("plan", __name__, url_prefix="/plan")

ASK_EVERY = 3  # seconds, for who comes back from paying before the provider's word does
MOST_LOOKS = 20
BACK = ("pay", "portal")  # where somebody comes back from; anything else is nowhere


@routes.get("")
@signed_in
def page(person: Person) -> ResponseReturnValue:
    return make_response(render_template("plan.html", **_values(person, request.args.get("back"))))


@routes.post("/upgrade")
@signed_in
def upgrade(person: Person) -> ResponseReturnValue:
    """To the page to pay at; pressing twice, or in two tabs, leads to the same one."""
    if not is_sold():
        raise NotFound("Premium cannot be bought here: this service is not set up for payments.")
    try:
        there = the_gas().purchases.start(
            person.user, paid_url=_address("pay"), back_url=_address(None)
        )
    except WrongState as error:
        flash(str(error), "info")
        return redirect(url_for(".page"), 303)
    return redirect(there, 303)


@routes.post("/manage")
@signed_in
def manage(person: Person) -> ResponseReturnValue:
    """To the provider's own page, where payment is changed and the plan cancelled."""
    return redirect(the_gas().purchases.manage(person.user, return_url=_address("portal")), 303)


@routes.post("/look")
@signed_in
def look(person: Person) -> ResponseReturnValue:
    """Ask the provider how things are, for who comes back before its message does."""
    back, looks = request.form.get("back"), request.form.get("looks", 0, type=int)
    the_gas().purchases.look(person.user)
    if "HX-Request" not in request.headers:
        return redirect(url_for(".page", back=_known(back)), 303)
    return make_response(render_template("_plan.html", **_values(person, back, looks + 1)))


def is_sold() -> bool:
    """Whether this service has a price to sell the premium plan at."""
    return bool(the_gas().settings.stripe_price)


def _values(person: Person, back: str | None, looks: int = 0) -> dict[str, Any]:
    gas = the_gas()
    found = gas.service.subscription(person.user)
    standing = standing_of(found, gas.policy, gas.clock())
    back = _known(back)
    return {
        "standing": standing,
        "allowance": allowance_of(gas, person.user),
        "plans": PLANS.values(),
        "policy": gas.policy,
        "sold": is_sold(),
        "customer": bool(found and found.customer and (found.paid or found.ended_at)),
        "back": back,
        "looks": looks,
        "ask": _ask(back, looks, paid=standing.plan.name != "free"),
    }


def _ask(back: str | None, looks: int, *, paid: bool) -> str:
    """When the page asks the provider by itself, in htmx's words; empty for never."""
    if back == "pay" and not paid and looks < MOST_LOOKS:
        return f"load, every {ASK_EVERY}s" if looks == 0 else f"every {ASK_EVERY}s"
    return "load" if back == "portal" and looks == 0 else ""


def _known(back: str | None) -> str | None:
    return back if back in BACK else None


def _address(back: str | None) -> str:
    """Where the provider sends people back to, as the outside sees it."""
    return the_gas().settings.address + url_for(".page", back=back)
