"""The only place that builds adapters and wires them. Overrides are the tests' seam."""

from __future__ import annotations

import os
import socket
from typing import Any
from uuid import uuid4

from entrypoints.parts.use_cases import UseCases
from entrypoints.parts.works import WORKS
from entrypoints.settings import Settings
from entrypoints.worker import Work

SHARED = (
    *("pulse", "service", "records", "views", "kept_views", "leases", "people", "feed"),
    *(
        "cloud",
        "uploads",
        "files",
        "bus",
        "queues",
        "annotator",
        "uploading",
        "submission",
        "jobs",
        "history",
        "variants",
        "sweeper",
    ),
    *("policy", "outlook", "archive", "timer", "billing", "purchases"),
    *("mailer", "mail_book", "letters"),
)


class Gas(UseCases):
    """The service, part by part; each part is built when it is first asked for.

    ``overrides`` replace parts by name.
    """

    def __init__(self, settings: Settings, **overrides: Any) -> None:
        self.settings = settings
        unknown = [name for name in overrides if not hasattr(type(self), name)]
        if unknown:
            raise TypeError(f"no such parts: {', '.join(unknown)}")
        self.__dict__.update(overrides)

    def build(self) -> None:
        """Build what threads share, before there are any: a part must not be built twice."""
        for part in SHARED:
            getattr(self, part)

    def work(self, queue: str, worker: str = "") -> Work:
        """What a queue's hints lead to, for one thread; ``worker`` must be its own name."""
        return WORKS[queue](self, worker or worker_name())


def worker_name() -> str:
    """Unique for a thread of a process of a machine, also after a restart."""
    return f"{socket.gethostname()}:{os.getpid()}:{uuid4().hex[:8]}"
