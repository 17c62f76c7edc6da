"""The web process: gunicorn with threads, one worker, nothing loaded before its fork."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from gunicorn.app.base import BaseApplication

from entrypoints.settings import Settings

THREADS = 16
WAITERS = 8  # of them may wait for events
GRACE_SECONDS = 4


class WebServer(BaseApplication):  # type: ignore[misc]
    """Serves the app on 127.0.0.1; writes nothing anywhere."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._began = datetime.now(UTC)
        super().__init__()

    def load_config(self) -> None:
        options = {
            "bind": f"127.0.0.1:{self._settings.port}",
            "worker_class": "gthread",
            "workers": 1,
            "threads": THREADS,
            "worker_tmp_dir": str(self._settings.data_dir),
            "graceful_timeout": GRACE_SECONDS,
            "timeout": 60,
            "keepalive": 30,
            "preload_app": False,
            "control_socket_disable": True,
            "forwarded_allow_ips": "",
            "loglevel": "warning",
        }
        for name, value in options.items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        """Runs in the worker: stores and clients must not be older than the fork."""
        from entrypoints.app import create_app
        from entrypoints.bootstrap import Gas
        from entrypoints.logs import configure

        configure("web")
        stop = threading.Event()
        _on_sigterm(stop.set)
        gas = Gas(self._settings)
        gas.build()
        if self._settings.local:
            from entrypoints.local_user import ensure_local_user

            ensure_local_user(gas)
        return create_app(gas, stopping=stop.is_set, waiters=WAITERS, began=self._began)


def serve(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT."""
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    sys.argv = ["gas"]  # gunicorn would read ours
    WebServer(settings).run()


def _on_sigterm(act: Callable[[], None]) -> None:
    """Also do this when the worker shall stop: whoever waits for events answers at once."""
    before = signal.getsignal(signal.SIGTERM)

    def handle(number: int, frame: Any) -> None:
        act()
        if callable(before):
            before(number, frame)

    signal.signal(signal.SIGTERM, handle)
