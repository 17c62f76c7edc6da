"""Static files: ours, and htmx out of its installed package; each address names its content."""

from __future__ import annotations

import hashlib
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from flask import Blueprint, Response, request, send_from_directory, url_for

routes = Blueprint("assets", __name__, url_prefix="/assets")

OWN = Path(__file__).parent / "static"
YEAR = 365 * 24 * 3600


def asset(name: str) -> str:
    """The address of a static file; it changes with the content, so browsers may keep it."""
    return url_for("web.assets.static_file", name=name, v=_digest(name))


@routes.get("/<path:name>")
def static_file(name: str) -> Response:
    kept = YEAR if "v" in request.args else 3600
    return send_from_directory(_folder(name), name, max_age=kept)


def _folder(name: str) -> Path:
    return _htmx() if name.startswith("htmx") else OWN


@cache
def _htmx() -> Path:
    spec = find_spec("js_lib_htmx")
    if spec is None or not spec.origin:
        raise RuntimeError("django-js-lib-htmx is not installed")
    return Path(spec.origin).parent / "static" / "htmx"


@cache
def _digest(name: str) -> str:
    return hashlib.sha256((_folder(name) / name).read_bytes()).hexdigest()[:12]
