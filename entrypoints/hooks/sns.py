"""``POST /hooks/sns/<queue>``: SNS wakes us, and we serve that queue until it is empty.

What is pushed is never acted on, however well it is signed: it only says that there may be
something in the queue, whose messages are handled as everywhere. Outside of sessions and CSRF
checks: who is asking is proved by the signature alone.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, wait
from typing import TYPE_CHECKING

import structlog
from flask import Flask, Response, request
from flask.typing import ResponseReturnValue

from adapters.push_sns import ForgedPush, MalformedPush, UnverifiedPush
from domain.ports import WorkQueue
from entrypoints.worker import Work, work_once

if TYPE_CHECKING:
    from entrypoints.bootstrap import Gas

BODY_BYTES = 1_000_000  # SNS sends at most 256 KB, escaped and in its envelope
ANSWER_SECONDS = 8.0  # SNS waits for fifteen
LINGER_SECONDS = 1  # a push may overtake its message

log = structlog.get_logger()


class Drain:
    """Serves one queue in one thread, begun by whoever wakes it, until the queue is empty."""

    def __init__(
        self, queue: WorkQueue, work: Callable[[], Work], *, stopping: Callable[[], bool]
    ) -> None:
        self._queue = queue
        self._work = work
        self._stopping = stopping
        self._lock = threading.Lock()
        self._woken = False
        self._under_way: Future[None] | None = None

    def wake(self) -> Future[None]:
        """See to it that the queue is looked at from now on; done when it was found empty.

        Who wakes a drain just before its end is not overheard: it ends only under the lock, when
        nobody has woken it since it began to look for the last time.
        """
        with self._lock:
            self._woken = True
            if self._under_way is None:
                self._under_way = Future()
                thread = threading.Thread(target=self._run, args=[self._under_way], daemon=True)
                thread.start()
            return self._under_way

    def _run(self, under_way: Future[None]) -> None:
        try:
            work = self._work()
            while self._look_again():
                while not self._stopping() and self._handle_one(work):
                    pass
        except Exception as error:  # its messages stay where they are
            log.exception("drain.failed", queue=self._queue.name)
            with self._lock:
                self._under_way = None
            under_way.set_exception(error)
        else:
            under_way.set_result(None)

    def _handle_one(self, work: Work) -> bool:
        return work_once(self._queue, work, stopping=self._stopping, wait_seconds=LINGER_SECONDS)

    def _look_again(self) -> bool:
        with self._lock:
            if self._woken and not self._stopping():
                self._woken = False
                return True
            self._under_way = None
            return False


def register(
    app: Flask,
    gas: Gas,
    *,
    stopping: Callable[[], bool],
    answer_seconds: float = ANSWER_SECONDS,
) -> None:
    """Add the address for every queue; each push is answered within the given time."""
    drains = {
        name: Drain(queue, lambda name=name: gas.work(name), stopping=stopping)  # type: ignore[misc]
        for name, queue in gas.queues.items()
    }

    @app.route("/hooks/sns/<queue>", methods=["POST"])
    def pushed(queue: str) -> ResponseReturnValue:
        if queue not in drains:
            return _says(404, f"There is no queue {queue}.")
        request.max_content_length = BODY_BYTES
        try:
            push = gas.pushes.receive(request.get_data())
        except ForgedPush as error:
            log.warning("push.refused", queue=queue, reason=str(error))
            return _says(400 if isinstance(error, MalformedPush) else 403, str(error))
        except UnverifiedPush as error:
            log.warning("push.unverified", queue=queue, reason=str(error))
            return _says(503, str(error))
        if not push.body:
            return _says(200, "Subscribed.")
        return _answer(drains[queue].wake(), answer_seconds)


def _answer(drained: Future[None], seconds: float) -> Response:
    """In time for SNS, which tries again later when we failed."""
    wait([drained], timeout=seconds)
    if not drained.done():
        return _says(202, "Still at work.")
    if drained.exception():
        return _says(503, "The queue cannot be served at the moment.")
    return _says(200, "The queue is empty.")


def _says(status: int, sentence: str) -> Response:
    return Response(f"{sentence}\n", status, content_type="text/plain; charset=utf-8")
