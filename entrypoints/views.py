"""Keeping the views: each follows the log and commits its rows with its position."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from domain.errors import NotSeenYet
from domain.log import read_log
from domain.ports import Conflict, Views
from domain.service import AnnotationService
from entrypoints.follow import BATCH, Pulse, follow
from projections.job_views import View


def run_views(
    service: AnnotationService,
    views: Views,
    kept: Sequence[View],
    *,
    stopping: Callable[[], bool],
    pulse: Pulse,
) -> None:
    """Bring every view up to each batch; one that lags behind the slowest catches up by itself."""
    after = min(views.position(view.name) for view in kept)
    for _ in follow(service, after=after, stopping=stopping, pulse=pulse):
        for view in kept:
            catch_up(service, views, view)


def catch_up(service: AnnotationService, views: Views, view: View) -> int:
    """Apply all there is to one view; the position it has reached.

    When another reader was faster, or a stream lags behind the log, the next call goes on.
    """
    while True:
        after = views.position(view.name)
        events = read_log(service, after=after, limit=BATCH)
        if not events:
            return after
        try:
            changes = view.changes(events)
            views.commit(view.name, changes, after=after, position=events[-1].position)
        except (Conflict, NotSeenYet):
            return after


def rebuild(service: AnnotationService, views: Views, view: View) -> int:
    """Forget the view and replay the log into it; the position it has reached."""
    views.reset(view.name)
    return catch_up(service, views, view)
