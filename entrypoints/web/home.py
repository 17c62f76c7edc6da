"""Home: what this is, a first try, the plans, the references."""

from __future__ import annotations

from flask import Blueprint, Response, render_template

from domain.plans import PLANS
from entrypoints.web.assets import static_file
from entrypoints.web.new_job import fresh_upload_id
from entrypoints.web.visitor import the_gas

routes = Blueprint("home", __name__)


@routes.get("/")
def page() -> str:
    return render_template(
        "home.html",
        plans=PLANS.values(),
        policy=the_gas().policy,
        references=the_gas().annotator.references(),
        upload_id=fresh_upload_id(),
    )


@routes.get("/favicon.ico")
def favicon() -> Response:
    """Browsers ask for it by this name where no page has told them a better one."""
    return static_file("favicon.svg")
