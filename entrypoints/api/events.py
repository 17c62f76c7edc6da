"""The ordered event feed, with a wait for what comes next."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from flask import Response, current_app, jsonify
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag

from entrypoints.api.documents import ERRORS, Events
from entrypoints.api.guard import needs
from entrypoints.api.parameters import EventsQuery
from entrypoints.api.requests import gas, person
from entrypoints.feed import FeedPage

LOOK_EVERY = 0.05
WAITERS = "gas.waiters"

api = APIBlueprint(
    "api_events",
    __name__,
    url_prefix="/api/v1",
    abp_tags=[Tag(name="events")],
    abp_responses=ERRORS,
)


@dataclass
class Waiters:
    """Who may sit on a server thread: only so many that others are still served."""

    most: int
    stopping: Callable[[], bool] = lambda: False
    _waiting: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def wait_for(self, happened: Callable[[], bool], seconds: float) -> None:
        """Until it happened, the time is up, the service stops, or at once if too many wait."""
        with self._lock:
            if self._waiting >= self.most:
                return
            self._waiting += 1
        try:
            give_up = time.monotonic() + seconds
            while not happened() and not self.stopping() and time.monotonic() < give_up:
                time.sleep(LOOK_EVERY)
        finally:
            with self._lock:
                self._waiting -= 1


@api.get(
    "/events",
    summary="My events in the order of the log; with audit:read everybody's",
    description="Ask again with `after` = `next`; with `wait` the answer comes when there is one.",
    security=needs("events:read"),
    responses={200: Events},
)
def events(query: EventsQuery) -> Response:
    types = [name.strip() for name in query.types.split(",") if name.strip()]

    def read(after: int) -> FeedPage:
        return gas().feed.read(person(), after=after, types=types, limit=query.limit)

    give_up = time.monotonic() + query.wait
    page = read(query.after)
    while not page.events and (left := give_up - time.monotonic()) > 0:
        before = page.next
        waiters: Waiters = current_app.extensions[WAITERS]
        waiters.wait_for(lambda seen=before: gas().feed.position(person()) > seen, left)  # type: ignore[misc]
        page = read(before)
        if page.next == before:
            break
    return jsonify(events=page.events, next=page.next)
