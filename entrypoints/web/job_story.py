"""What the page of one job shows, put together from its document: steps, charts, files, log."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from domain.errors import NotFound
from domain.rejections import RUN
from entrypoints.web.formats import between, share
from entrypoints.web.pace import pace_of
from entrypoints.web.statuses import FINAL

if TYPE_CHECKING:
    from entrypoints.bootstrap import Gas

LOG_BYTES = 100_000  # of the log in the page; the whole is one click away
IMPACTS = ("HIGH", "MODERATE", "LOW", "MODIFIER")
WORK_STEPS = {"checking": "Checking", "annotating": "Annotating", "storing": "Storing"}


@dataclass(frozen=True, slots=True)
class Step:
    """One step on the way: ``state`` is done, now, next or stopped."""

    name: str
    state: str
    time: str | None = None
    note: str = ""
    percent: int | None = None


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar of a chart: ``length`` in per cent of the longest, ``share`` of the whole."""

    term: str
    count: int
    length: float
    share: float


@dataclass(frozen=True, slots=True)
class Story:
    """Everything the page needs; equal stories make equal pages."""

    job: dict[str, Any]
    final: bool
    pace: int | None
    entitled: bool
    steps: list[Step]
    seconds: float | None
    run_failed: bool
    consequences: list[Bar]
    impacts: list[Bar]
    log: list[str]
    log_cut: bool


def tell(gas: Gas, job_id: UUID, owner: UUID) -> Story:
    """The story of the owner's job; ``NotFound`` for nobody's and for another's."""
    job = gas.jobs.get(job_id, owner=owner)
    entitled = gas.jobs.entitled(owner)
    lines, cut = _log(gas, job, owner)
    summary = job["summary"] or {}
    return Story(
        job=job,
        final=job["status"] in FINAL,
        pace=pace_of(job, entitled=entitled, now=gas.clock()),
        entitled=entitled,
        steps=steps_of(job, gas.jobs.place_in_queue(job_id)),
        seconds=between(job["submitted_at"], job["completed_at"]),
        run_failed=bool(job["error"]) and job["error"]["code"] in RUN,
        consequences=bars(summary.get("by_consequence", {})),
        impacts=bars(_every_impact(summary.get("by_impact", {})), ordered=True),
        log=lines,
        log_cut=cut,
    )


def steps_of(job: dict[str, Any], place: int | None) -> list[Step]:
    """The way from submitted to its end, as far as it is known."""
    return [
        Step("Submitted", "done", job["submitted_at"]),
        _waiting(job, place),
        *_work(job),
        _end(job),
    ]


def bars(counts: dict[str, int], *, ordered: bool = False) -> list[Bar]:
    """A chart's bars, the largest first unless they are ``ordered`` already."""
    items = list(counts.items())
    if not ordered:
        items.sort(key=lambda item: (-item[1], item[0]))
    longest = max(counts.values(), default=0)
    total = sum(counts.values())
    return [Bar(term, n, share(n, longest), share(n, total)) for term, n in items]


def _waiting(job: dict[str, Any], place: int | None) -> Step:
    if job["status"] == "submitted":
        note = "" if place is None else _place(place)
        again = " It is tried again." if job["attempt"] else ""
        return Step("Waiting", "now", note=note + again)
    if job["started_at"] is None:
        return Step("Waiting", "stopped")
    return Step("Started", "done", job["started_at"])


def _place(place: int) -> str:
    return "Next in the queue." if place == 0 else f"{place} before it in the queue."


def _work(job: dict[str, Any]) -> list[Step]:
    if job["status"] == "completed":
        return [Step(name, "done") for name in WORK_STEPS.values()]
    if job["status"] != "running":
        state = "next" if job["status"] == "submitted" else "stopped"
        return [Step(name, state) for name in WORK_STEPS.values()]
    now = job["progress"]["step"]
    order = list(WORK_STEPS)
    at = order.index(now) if now in order else 0
    return [_under_way(job, name, i - at) for i, name in enumerate(order)]


def _under_way(job: dict[str, Any], name: str, ahead: int) -> Step:
    if ahead:
        return Step(WORK_STEPS[name], "done" if ahead < 0 else "next")
    return Step(WORK_STEPS[name], "now", percent=job["progress"]["percent"])


def _end(job: dict[str, Any]) -> Step:
    names = {"failed": "Failed", "cancelled": "Cancelled"}
    if job["status"] in names:
        return Step(names[job["status"]], job["status"], job["completed_at"])
    state = "done" if job["status"] == "completed" else "next"
    return Step("Completed", state, job["completed_at"])


def _every_impact(counts: dict[str, int]) -> dict[str, int]:
    """Each impact, worst first, also those that none of the variants has."""
    return {name: counts.get(name, 0) for name in IMPACTS} if counts else {}


def _log(gas: Gas, job: dict[str, Any], owner: UUID) -> tuple[list[str], bool]:
    """The beginning of the log in lines, and whether there is more."""
    if not job["log"]:
        return [], False
    try:
        text = gas.jobs.text(UUID(job["id"]), "log", owner=owner, limit=LOG_BYTES)
    except NotFound:
        return [], False
    return text.splitlines(), job["log"]["bytes"] > LOG_BYTES
