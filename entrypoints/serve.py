"""The web process: waitress, which gives a thread to a request once all of it is there.

Whoever sends slowly, head or body, holds a connection and nothing else; with a thread for each
connection sixteen such clients would silence the service.
"""

from __future__ import annotations

import logging
import signal
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from waitress import create_server
from waitress.channel import HTTPChannel
from waitress.task import ErrorTask, WSGITask
from waitress.utilities import RequestEntityTooLarge

from entrypoints.settings import Settings
from entrypoints.startup import loading
from entrypoints.told import Told

THREADS = 16
WAITERS = 8  # of them may wait for events
CONNECTIONS = 500
IDLE_SECONDS = 30
BODY_BYTES = 11 * 2**20  # a little more than the API takes; kept on disk while it comes
GRACE_SECONDS = 4.0
LOOK_EVERY = 0.1


class Unread(WSGITask):  # type: ignore[misc]
    """A request that cannot be read. What says that it is too large the app refuses, in its own
    words."""

    def execute(self) -> None:
        request = self.request
        if isinstance(request.error, RequestEntityTooLarge) and request.content_length:
            self.set_close_on_finish()  # the rest of the body is not waited for
            super().execute()
        else:
            self.complete = True
            ErrorTask.execute(self)


class Channel(HTTPChannel):  # type: ignore[misc]
    error_task_class = Unread


def serve(settings: Settings) -> None:
    """Serve on 127.0.0.1 until SIGTERM or SIGINT; what is under way then may finish."""
    from entrypoints.logs import configure

    began, told = datetime.now(UTC), Told()
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    _on_signals(told.set)
    configure("web")
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)  # requests may stand in line
    with loading():
        app = _app(settings, began, told.is_set)
    run(app, settings.port, told.is_set)


def run(app: Any, port: int, stopping: Callable[[], bool]) -> None:
    """Serve a WSGI app until ``stopping``, then for at most ``GRACE_SECONDS`` what is under way."""
    server = create_server(
        app,
        listen=f"127.0.0.1:{port}",
        threads=THREADS,
        connection_limit=CONNECTIONS,
        channel_timeout=IDLE_SECONDS,
        cleanup_interval=IDLE_SECONDS // 3,
        max_request_body_size=BODY_BYTES,
        asyncore_use_poll=True,
        clear_untrusted_proxy_headers=False,  # refused, not ignored, on one machine
        ident=None,
    )
    server.channel_class = Channel
    while not stopping():
        _turn(server)
    server.del_channel()  # nobody new
    server.socket.close()
    until = time.monotonic() + GRACE_SECONDS
    while _is_at_work(server) and time.monotonic() < until:
        _turn(server)


def _turn(server: Any) -> None:
    """Whatever happens on any connection, or ``LOOK_EVERY``."""
    server.asyncore.loop(timeout=LOOK_EVERY, use_poll=True, map=server._map, count=1)


def _is_at_work(server: Any) -> bool:
    channels = list(server.active_channels.values())
    return any(channel.requests or channel.total_outbufs_len for channel in channels)


def _app(settings: Settings, began: datetime, stopping: Callable[[], bool]) -> Any:
    from entrypoints.app import create_app
    from entrypoints.bootstrap import Gas

    gas = Gas(settings)
    gas.build()
    if settings.local:
        from entrypoints.local_user import ensure_local_user

        ensure_local_user(gas)
    return create_app(gas, stopping=stopping, waiters=WAITERS, began=began)


def _on_signals(act: Callable[[], None]) -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: act())
