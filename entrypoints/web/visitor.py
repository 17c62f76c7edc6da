"""Who is asking: the session behind the cookie, and the views that need one."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, cast

from flask import Response, current_app, g, request
from flask.typing import ResponseReturnValue

from domain.context import acting
from entrypoints.people import SESSION_LASTS, NotSignedIn, Person

if TYPE_CHECKING:
    from entrypoints.bootstrap import Gas

P = ParamSpec("P")


def the_gas() -> Gas:
    """The service that this application shows."""
    return cast("Gas", current_app.extensions["gas"])


def visitor() -> Person | None:
    """The person whose session the cookie names, looked up once a request; None for a stranger."""
    if "visitor" not in g:
        try:
            g.visitor = the_gas().people.by_session(session_secret())
        except NotSignedIn:
            g.visitor = None
    return cast("Person | None", g.visitor)


def signed_in(
    view: Callable[Concatenate[Person, P], ResponseReturnValue],
) -> Callable[P, ResponseReturnValue]:
    """A view that needs a person, gets them first, and acts in their name."""

    @wraps(view)
    def seen(*args: P.args, **kwargs: P.kwargs) -> ResponseReturnValue:
        person = visitor()
        if person is None:
            raise NotSignedIn("You are not signed in.")
        with acting(f"user:{person.user}", correlation_id=g.correlation_id):
            return view(person, *args, **kwargs)

    return seen


def template_values() -> dict[str, Any]:
    """What every template may use."""
    settings = the_gas().settings
    return {
        "visitor": visitor,
        "local": settings.local,
        "address": settings.address,
        "page": request.endpoint or "",
    }


# --- the cookie: a random secret and nothing else ------------------------------------------------


def cookie_name() -> str:
    """Browsers share cookies between the ports of a host: each service has a name of its own."""
    return f"gas_session_{the_gas().settings.port}"


def session_secret() -> str:
    return request.cookies.get(cookie_name(), "")


def remember(response: Response, secret: str) -> None:
    """Hand the browser its session."""
    response.set_cookie(
        cookie_name(),
        secret,
        max_age=SESSION_LASTS,
        httponly=True,
        samesite="Lax",
        secure=current_app.config["SESSION_COOKIE_SECURE"],
    )


def forget(response: Response) -> None:
    """Take the session away from the browser."""
    response.delete_cookie(
        cookie_name(),
        httponly=True,
        samesite="Lax",
        secure=current_app.config["SESSION_COOKIE_SECURE"],
    )
