"""Errors as RFC 9457 problem documents, and the one table from an error to its HTTP status."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Any

from flask import Response, g
from pydantic import ValidationError
from werkzeug.exceptions import HTTPException, MethodNotAllowed, SecurityError

from domain.errors import DomainError, InputRejected
from entrypoints.api.codes import STATUS

MEDIA_TYPE = "application/problem+json"
SHOWN = 5  # how many faults of one request are put into its sentence
RETRY_SECONDS = 30
OWN_WORDS = frozenset({400, 403})  # where a sentence given with the refusal says more than ours

# what werkzeug refuses by itself -> (code, sentence)
REFUSALS: dict[int, tuple[str, str]] = {
    400: ("bad_request", "The request cannot be read. Check its headers and its body."),
    404: ("not_found", "There is nothing at this address. See /api/v1/docs for what there is."),
    405: ("method_not_allowed", "This address does not take that method. It takes: {allowed}."),
    413: ("too_large", "The request is too large. Send files above 10 MB through POST /uploads."),
    415: ("unsupported_media_type", "The body has a content type that is not taken here."),
    429: ("rate_limited", "Too many requests. Wait as long as Retry-After says."),
}


class Refused(DomainError):
    """A refusal of the API's own; its ``code`` is a row of ``CODES``."""

    def __init__(self, code: str, sentence: str, **headers: str) -> None:
        """``headers`` go with the answer; their underscores become dashes."""
        super().__init__(sentence)
        self.code = code
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


def invalid(error: ValidationError) -> Refused:
    """What pydantic found, as one sentence a person can act on."""
    faults = [_fault(fault) for fault in error.errors(include_url=False)]
    more = f" (and {len(faults) - SHOWN} more)" if len(faults) > SHOWN else ""
    return Refused("invalid_request", "; ".join(faults[:SHOWN]) + more + ".")


def problem_of(error: Exception) -> Response:
    """Any error as the answer to a request; what nobody expected says nothing of the inside."""
    if isinstance(error, HTTPException):
        return _refusal(error)
    if isinstance(error, DomainError):
        headers = getattr(error, "headers", {})
        return problem(status_of(error), error.code, str(error), headers)
    return problem(
        500,
        "internal_error",
        "Something went wrong on our side. Try again; if it stays, tell us the correlation id.",
    )


def status_of(error: DomainError) -> int:
    """The HTTP status for a refusal."""
    return STATUS.get(error.code, 422 if isinstance(error, InputRejected) else 409)


def problem(
    status: int, code: str, sentence: str, headers: dict[str, str] | None = None
) -> Response:
    """One problem document, with the correlation id that our logs have too."""
    body = {
        "type": f"/api/v1/docs#{code}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "code": code,
        "detail": sentence,
        "correlation_id": g.get("correlation_id", ""),
    }
    response = Response(json.dumps(body, ensure_ascii=False), status, content_type=MEDIA_TYPE)
    response.headers.update(headers or {})
    if status == 401:
        response.headers["WWW-Authenticate"] = 'Bearer realm="gas"'
    if status in {429, 503}:
        response.headers.setdefault("Retry-After", str(RETRY_SECONDS))
    return response


def _refusal(error: HTTPException) -> Response:
    if error.response is not None and isinstance(error.response, Response):
        return error.response
    status = error.code or 500
    code, sentence = REFUSALS.get(status, ("refused", error.description or "Refused."))
    headers = {}
    if isinstance(error, SecurityError):
        sentence = "This service does not answer to that host name. Use the address it printed."
    elif status in OWN_WORDS and error.description != type(error).description:
        sentence = error.description or sentence
    if isinstance(error, MethodNotAllowed):
        allowed = ", ".join(sorted(error.valid_methods or ()))
        headers["Allow"] = allowed
        sentence = sentence.format(allowed=allowed)
    return problem(status, code, sentence, headers)


def _fault(fault: Any) -> str:
    place = ".".join(str(part) for part in fault["loc"]) or "the body"
    return f"{place}: {fault['msg'][0].lower()}{fault['msg'][1:]}"
