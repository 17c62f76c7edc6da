"""What happened to a job, step by step, and how it stood at any of them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from markupsafe import Markup

from domain.job import Job
from entrypoints.job_history import BETWEEN, Change
from entrypoints.people import Person
from entrypoints.web.formats import between
from entrypoints.web.history_facts import FIRST_OF_STATE, Fact, fact, facts_of, shown
from entrypoints.web.history_words import Telling, telling_of
from entrypoints.web.live import etag_of, part, unchanged
from entrypoints.web.pace import QUICK, pace_of
from entrypoints.web.visitor import signed_in, the_gas

routes = Blueprint("history", __name__, url_prefix="/jobs/<uuid:job_id>/history")

LONG = 60.0  # seconds without an event that are worth a line of their own
Event = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Entry:
    """One event as the page shows it; ``after`` is seconds since the one before."""

    version: int
    position: int
    time: str
    after: float | None
    by: str
    telling: Telling
    says: str | Markup
    facts: list[Fact]
    json: str

    @property
    def rested(self) -> bool:
        """Whether nothing happened for long before it."""
        return self.after is not None and self.after >= LONG


@dataclass(frozen=True, slots=True)
class ChangedFact:
    """One line of a comparison, with ``what`` as a word: added, removed or changed."""

    what: str
    name: str
    before: Fact
    after: Fact


@routes.get("")
@signed_in
def page(person: Person, job_id: UUID) -> ResponseReturnValue:
    if "from" in request.args and "to" in request.args:
        asked = BETWEEN.join((request.args["from"], request.args["to"]))
        return redirect(url_for(".page", job_id=job_id, diff=asked))
    past, owner = the_gas().history, person.user
    at, diff = request.args.get("at", ""), request.args.get("diff", "")
    state = past.state(job_id, at, owner=owner) if at else None
    difference = past.difference(job_id, diff, owner=owner) if diff else None
    values = _timeline(person, job_id)
    if state or difference:
        values["pace"] = None  # somebody who looks back wants it to stand still
    return render_template(
        "history.html",
        **values,
        state=state,
        facts=facts_of(state.job, FIRST_OF_STATE) if state else [],
        difference=difference,
        changed=changed_facts(difference.changes) if difference else [],
        names=_names(job_id, owner),
    )


@routes.get("/live")
@signed_in
def live(person: Person, job_id: UUID) -> ResponseReturnValue:
    """The timeline, while something may still be added to it."""
    values = _timeline(person, job_id)
    return unchanged(values["etag"]) or part(
        render_template("_timeline.html", **values, state=None), values["etag"]
    )


def entries_of(events: list[Event], reader: UUID) -> list[Entry]:
    """The events in order, each with the time since the one before."""
    before = [None, *(event["time"] for event in events)]
    pairs = zip(events, before, strict=False)
    return [_entry(event, earlier, reader) for event, earlier in pairs]


def changed_facts(changes: list[Change]) -> list[ChangedFact]:
    """A comparison in words."""
    fields = {path for path, _ in shown((c.field, c.after) for c in changes)}
    return [_changed(change) for change in changes if change.field in fields]


def _entry(event: Event, earlier: str | None, reader: UUID) -> Entry:
    telling = telling_of(event["type"])
    return Entry(
        version=event["aggregateversion"],
        position=int(event["sequence"]),
        time=event["time"],
        after=between(earlier, event["time"]),
        by=_by(event, reader),
        telling=telling,
        says=telling.says(event["data"]),
        facts=facts_of(event["data"]),
        json=json.dumps(event, indent=2, ensure_ascii=False),
    )


def _by(event: Event, reader: UUID) -> str:
    if event["authtype"] == "system":
        return "the service"
    return "you" if event["authid"] == str(reader) else "somebody else"


def _changed(change: Change) -> ChangedFact:
    before, after = fact(change.field, change.before), fact(change.field, change.after)
    kinds = {(True, False): "added", (False, True): "removed"}
    what = kinds.get((change.before is None, change.after is None), "changed")
    return ChangedFact(what, after.name, before, after)


def _timeline(person: Person, job_id: UUID) -> dict[str, Any]:
    entries = entries_of(the_gas().history.events(job_id, owner=person.user), person.user)
    job = the_gas().service.job(job_id, owner=person.user)
    pace = _pace(job, person.user)
    return {
        "job_id": job_id,
        "entries": entries,
        "version": job.version,
        "pace": pace,
        "etag": etag_of([entry.version for entry in entries], job.version, pace),
    }


def _pace(job: Job, owner: UUID) -> int | None:
    if job.deletion_requested:
        return None if job.deleted else QUICK
    entitled = the_gas().jobs.entitled(owner)
    return pace_of(
        the_gas().jobs.get(job.id, owner=owner), entitled=entitled, now=the_gas().clock()
    )


def _names(job_id: UUID, owner: UUID) -> dict[str, str] | None:
    """What the owner calls the job; None once it is deleted, whether they are erased yet or not."""
    if the_gas().service.job(job_id, owner=owner).deletion_requested:
        return None
    job = the_gas().jobs.get(job_id, owner=owner)
    return {"filename": job["filename"], "label": job["label"]}
