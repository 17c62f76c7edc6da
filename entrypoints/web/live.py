"""Parts of pages that keep themselves up to date: they ask every two seconds, mostly for a 304."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from flask import Response, make_response, request


def etag_of(*shown: Any) -> str:
    """Names what a part shows, in JSON values; the same values, the same tag."""
    text = json.dumps(shown, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:20]


def unchanged(etag: str) -> Response | None:
    """The answer that nothing changed since the asker's tag, or None when it did."""
    if not request.if_none_match.contains(etag):
        return None
    return _tagged(make_response("", 304), etag)


def part(html: str, etag: str) -> Response:
    """A part of a page with its tag."""
    return _tagged(make_response(html), etag)


def _tagged(response: Response, etag: str) -> Response:
    response.set_etag(etag)
    response.headers["Cache-Control"] = "private, no-cache"
    return response
