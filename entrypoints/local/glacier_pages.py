"""The Glacier stand-in's one page: the switch for refused capacity."""

from __future__ import annotations

from flask import Blueprint, redirect, request
from flask import render_template as page
from werkzeug.wrappers import Response

from entrypoints.local.glacier import book

pages = Blueprint("glacier_pages", __name__)


@pages.get("/")
def overview() -> str:
    return page("vault/overview.html", vendor="Amazon Glacier", capacity=book().has_capacity)


@pages.post("/capacity")
def switch() -> Response:
    book().switch_capacity(on=request.form.get("expedited") == "on")
    return redirect("/", code=303)
