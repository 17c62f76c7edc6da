"""What went wrong, as a page: a sentence, a way back and the correlation id."""

from __future__ import annotations

import structlog
from flask import (
    Blueprint,
    Flask,
    Response,
    flash,
    g,
    make_response,
    redirect,
    render_template,
    request,
    url_for,
)
from flask.typing import ResponseReturnValue
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import HTTPException, SecurityError

from domain.errors import DomainError, InputRejected, NotFound, PlanLimit, WrongState
from domain.ports.billing import BillingFailed
from entrypoints.job_documents import BadCursor
from entrypoints.job_history import UnknownMoment
from entrypoints.people import NotSignedIn
from entrypoints.web.security import for_machines

log = structlog.get_logger()

# status -> (title, what to do when nothing more is known)
PAGES: dict[int, tuple[str, str]] = {
    400: ("We could not take that", "Go back, reload the page and try again."),
    401: ("Please sign in", "Sign in, then try again."),
    403: ("That is not for you", "Your account may not do this. Sign in with another one."),
    404: (
        "Nothing here",
        "There is no such page or job, or it belongs to somebody else. Look in your list of jobs.",
    ),
    405: ("Not like that", "This address does not do that. Use the buttons of the pages."),
    409: ("Too late for that", "It has moved on meanwhile. Look at it again."),
    413: (
        "Too much at once",
        "That is more than a form may hold. Upload it as a file instead of pasting it.",
    ),
    422: ("That cannot be annotated", "Look at the file and the reference, and try again."),
    429: ("More than your plan allows", "Wait for a job to finish, then try again."),
    500: (
        "Something broke on our side",
        "Nothing of yours is lost. Try again in a moment; if it stays, send us the number below.",
    ),
    503: ("Not available just now", "Nothing of yours is lost. Try again in a minute."),
}

STATUS: dict[type[DomainError], int] = {
    BadCursor: 400,
    UnknownMoment: 404,
    NotFound: 404,
    WrongState: 409,
    InputRejected: 422,
    PlanLimit: 429,
}


def register(app: Flask, pages: Blueprint) -> None:
    """Errors of our own views, and of addresses and hosts that are nobody's."""
    pages.register_error_handler(NotSignedIn, _to_sign_in)
    pages.register_error_handler(DomainError, _refused)
    pages.register_error_handler(BillingFailed, _no_billing)
    pages.register_error_handler(HTTPException, _http)
    pages.register_error_handler(Exception, _broken)
    app.register_error_handler(HTTPException, _unrouted)


def error_page(status: int, sentence: str = "") -> Response:
    """The page for a status; a sentence of its own replaces the general one."""
    title, advice = PAGES.get(status, PAGES[500 if status >= 500 else 400])
    bare = isinstance(request.routing_exception, SecurityError)  # no address of ours can be made
    html = render_template(
        "error_bare.html" if bare else "error.html",
        status=status,
        title=title,
        sentence=sentence or advice,
        correlation_id=g.get("correlation_id", ""),
    )
    return make_response(html, status)


def status_of(error: DomainError) -> int:
    """The HTTP status of a refusal."""
    return next((STATUS[kind] for kind in type(error).__mro__ if kind in STATUS), 400)


def _to_sign_in(error: DomainError) -> ResponseReturnValue:
    """To the sign-in page and back; a live part of a page asks its page to reload itself."""
    if request.headers.get("HX-Request"):
        return make_response("", 401, {"HX-Refresh": "true"})
    if request.method in {"GET", "HEAD"}:
        return redirect(url_for("web.sign_in.page", next=request.full_path.rstrip("?")))
    flash("Your session has ended. Sign in, then send the form again.", "warning")
    return redirect(url_for("web.sign_in.page"), 303)


def _refused(error: DomainError) -> ResponseReturnValue:
    return error_page(status_of(error), str(error))


def _no_billing(error: BillingFailed) -> ResponseReturnValue:
    log.warning("billing.failed", error=str(error), retryable=error.retryable)
    page = error_page(
        503, "The payment service does not answer. Nothing was charged. Try again in a minute."
    )
    page.headers["Retry-After"] = "60"
    return page


def _http(error: HTTPException) -> ResponseReturnValue:
    if error.code is None or error.code < 400:
        return error  # a redirect of the router's
    page = error_page(error.code, _sentence(error))
    if allowed := getattr(error, "valid_methods", None):
        page.headers["Allow"] = ", ".join(allowed)
    return page


def _sentence(error: HTTPException) -> str:
    """Our own words where there are some; the library's are for programmers."""
    if isinstance(error, CSRFError):
        return (
            "This form is too old or came from elsewhere. Go back, reload the page and try again."
        )
    if isinstance(error, SecurityError):
        return "This service does not answer to that host name. Use the address it printed."
    own = error.description != type(error).description
    return str(error.description) if own and error.code in {400, 403} else ""


def _unrouted(error: HTTPException) -> ResponseReturnValue:
    return error if for_machines(request.path) else _http(error)


def _broken(error: Exception) -> ResponseReturnValue:
    log.error(
        "web.broken", path=request.path, correlation_id=g.get("correlation_id"), exc_info=error
    )
    return error_page(500)
