"""Who is asking, and what they have used."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime

from flask import Response, jsonify
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag

from entrypoints.api.documents import ERRORS, Me, UsageDocument
from entrypoints.api.guard import needs
from entrypoints.api.requests import gas, person
from entrypoints.plan_standing import standing_of

api = APIBlueprint(
    "api_account",
    __name__,
    url_prefix="/api/v1",
    abp_tags=[Tag(name="account")],
    abp_responses=ERRORS,
)


@api.get("/me", summary="Who this token belongs to", security=needs(), responses={200: Me})
def me() -> Response:
    who = person()
    profile = gas().people.profile(who.user)
    standing = standing_of(gas().service.subscription(who.user), gas().policy, gas().clock())
    return jsonify(
        id=str(who.user),
        name=profile["name"],
        email=profile["email"],
        organization=profile["organization"],
        plan=standing.plan.name,
        subscription={
            "state": standing.state,
            "until": _iso(standing.until),
            "archives_again_at": _iso(standing.archives_again),
        },
        roles=sorted(who.roles),
        scopes=sorted(who.scopes),
    )


@api.get(
    "/usage",
    summary="What was used of the plan",
    security=needs("jobs:read"),
    responses={200: UsageDocument},
)
def usage() -> Response:
    used = gas().submission.usage(person().user)
    plan = gas().service.plan_of(person().user)
    return jsonify(plan=asdict(plan), **asdict(used))


def _iso(time: datetime | None) -> str | None:
    return time.isoformat() if time else None
