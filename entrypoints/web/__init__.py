"""The pages: server-rendered, alive by htmx, whole without scripts.

No decisions are made here: views read what the use cases give and hand on what people ask for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Blueprint, Flask
from flask_bootstrap import Bootstrap5
from flask_wtf import CSRFProtect

from entrypoints.web import (
    account,
    assets,
    errors,
    formats,
    history,
    home,
    icons,
    job,
    jobs,
    mail,
    new_job,
    plan,
    security,
    sign_in,
    variants,
    visitor,
)

if TYPE_CHECKING:
    from entrypoints.bootstrap import Gas


def register(app: Flask, gas: Gas) -> None:
    """Add the pages to an application; what is not below them is left as it is."""
    app.extensions["gas"] = gas
    app.config["BOOTSTRAP_SERVE_LOCAL"] = True
    app.config["WTF_CSRF_CHECK_DEFAULT"] = False  # the pages check their own forms, see security
    app.config["WTF_CSRF_TIME_LIMIT"] = None  # a form is good for as long as its session
    security.configure(app, gas)
    Bootstrap5(app)
    csrf = CSRFProtect(app)
    pages = Blueprint("web", __name__, template_folder="templates", url_prefix="/")
    for room in (home, sign_in, new_job, jobs, job, variants, history, plan, account, mail, assets):
        pages.register_blueprint(room.routes)
    pages.before_request(security.limit_body)
    pages.before_request(csrf.protect)
    errors.register(app, pages)
    app.register_blueprint(pages)
    app.jinja_env.globals.update(icon=icons.icon, asset=assets.asset)
    app.jinja_env.filters.update(formats.FILTERS)
    app.context_processor(visitor.template_values)
