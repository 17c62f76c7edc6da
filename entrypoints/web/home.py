"""Home: what this is, a first try, the plans, the references."""

from __future__ import annotations

from flask import Blueprint, render_template

from domain.plans import PLANS
from entrypoints.web.new_job import fresh_upload_id
from entrypoints.web.visitor import the_gas

routes = Blueprint("home", __name__)


@routes.get("/")
def page() -> str:
    return render_template(
        "home.html",
        plans=PLANS.values(),
        references=the_gas().annotator.references(),
        upload_id=fresh_upload_id(),
    )
