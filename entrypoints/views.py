"""Keeping the views: each follows the log and commits its rows with its position."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from domain.errors import NotSeenYet
from domain.log import read_log
from domain.ports import Conflict, Records, Views
from domain.service import AnnotationService
from entrypoints.follow import BATCH, POLL_SECONDS, Pulse, follow
from projections.job_views import View

LOOK_EVERY = 0.01
POLICY = "policy"  # records: pk view -> policy: what it was made under


def run_views(
    service: AnnotationService,
    views: Views,
    kept: Sequence[View],
    *,
    stopping: Callable[[], bool],
    pulse: Pulse,
    poll_seconds: float = POLL_SECONDS,
) -> None:
    """Bring every view up to each batch; one that lags behind is tried again at each look."""
    end = min(views.position(view.name) for view in kept)
    behind = True
    for events in follow(
        service, after=end, stopping=stopping, pulse=pulse, poll_seconds=poll_seconds
    ):
        if events or behind:
            reached = [catch_up(service, views, view) for view in kept]
            end = max(end, *reached, *(event.position for event in events[-1:]))
            behind = min(reached) < end


def catch_up(
    service: AnnotationService, views: Views, view: View, *, until: int | None = None
) -> int:
    """Apply all there is (up to position ``until``) to one view; the position it has reached.

    When another reader was faster, or a stream lags behind the log, the next call goes on.
    """
    while True:
        after = views.position(view.name)
        left = BATCH if until is None else min(BATCH, until - after)
        events = read_log(service, after=after, limit=left) if left > 0 else []
        if not events:
            return after
        try:
            changes = view.changes(events)
            views.commit(view.name, changes, after=after, position=events[-1].position)
        except (Conflict, NotSeenYet):
            return after


def follow_policy(
    service: AnnotationService, views: Views, records: Records, view: View, policy: str
) -> bool:
    """Build a view anew that was made under another policy; whether it was."""
    record = records.get(POLICY, view.name)
    if record is not None and record.value["policy"] == policy:
        return False
    if views.position(view.name):
        rebuild(service, views, view)
    records.put(POLICY, view.name, value={"policy": policy})
    return True


def rebuild(service: AnnotationService, views: Views, view: View) -> int:
    """Forget the view and replay the log into it; the position it has reached."""
    views.reset(view.name)
    return catch_up(service, views, view)


def await_position(views: Views, view: str, position: int, *, seconds: float) -> bool:
    """Wait until a view has seen a position, so that its reader finds what was just recorded."""
    give_up = time.monotonic() + seconds
    while views.position(view) < position:
        if time.monotonic() > give_up:
            return False
        time.sleep(LOOK_EVERY)
    return True
