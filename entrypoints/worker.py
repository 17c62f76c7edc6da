"""What is done with one message, whoever brings it: long poll, a push that wakes us, or Lambda.

One message at a time, none can block others.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol
from uuid import UUID

import structlog

from domain.errors import DomainError
from domain.ports import Delivery, Interrupted, WorkQueue
from projections.heartbeat import Heartbeat

HOLD_SECONDS = 60  # how long a message stays hidden after its worker fell silent
EXTEND_EVERY = 20.0
PAUSES = (1, 4, 16, 64, 256, 300)
WAIT_SECONDS = 20
LONGEST_HINT = 256 * 1024  # as SNS takes

log = structlog.get_logger()


class Work(Protocol):
    """What a queue's hints lead to."""

    def attend(self, job_id: UUID, *, at_least: int, stopping: Callable[[], bool]) -> None:
        """Do what is due; return when the hint may be forgotten, raise when it must come back."""


def _of_event(event: dict[str, Any]) -> tuple[UUID, int]:
    """A CloudEvent of ours, or a hint from sweeper or timer."""
    return UUID(event["partitionkey"]), int(event["aggregateversion"])


def _of_vault(job: dict[str, Any]) -> tuple[UUID, int]:
    """Glacier says that a retrieval is complete; its description is ``<job>/<attempt>``."""
    return UUID(job["JobDescription"].split("/")[0]), 0


def _of_bucket(event: dict[str, Any]) -> tuple[UUID, int]:
    """S3 says that an object is restored; its key is ``results/<job>/…``."""
    return UUID(event["Records"][0]["s3"]["object"]["key"].split("/")[1]), 0


# what a message has that is of this form, and how to read the job and its version from it
FORMS: Mapping[str, Callable[[dict[str, Any]], tuple[UUID, int]]] = {
    "partitionkey": _of_event,
    "JobDescription": _of_vault,
    "Records": _of_bucket,
}
GREETING = "s3:TestEvent"  # S3 sends one when it is told where to send notifications
LONGEST_GREETING = 1024
WRONG_SHAPE = (LookupError, TypeError, ValueError, AttributeError, ArithmeticError, StopIteration)


@dataclass(frozen=True, slots=True)
class Hint:
    """Look at this job or subscription; it had at least this version."""

    job_id: UUID
    version: int

    @classmethod
    def parse(cls, body: str) -> Hint:
        """A hint from any of ``FORMS``; ``ValueError`` for all else."""
        try:
            message = json.loads(body) if len(body) <= LONGEST_HINT else {}
            return next(cls(*read(message)) for mark, read in FORMS.items() if mark in message)
        except WRONG_SHAPE as error:
            raise ValueError(f"not a hint: {body[:200]!r}") from error

    def body(self) -> str:
        return json.dumps({"partitionkey": str(self.job_id), "aggregateversion": self.version})


def run_worker(
    queue: WorkQueue,
    work: Work,
    *,
    stopping: Callable[[], bool],
    wait_seconds: int = WAIT_SECONDS,
) -> None:
    """Serve one queue until told to stop; what is being worked on then is put back."""
    while not stopping():
        work_once(queue, work, stopping=stopping, wait_seconds=wait_seconds)


def work_once(
    queue: WorkQueue, work: Work, *, stopping: Callable[[], bool], wait_seconds: int
) -> bool:
    """Receive and handle what one poll gives; whether it gave anything."""
    deliveries = queue.receive(wait_seconds=wait_seconds)
    for delivery in deliveries:
        handle(queue, work, delivery, stopping=stopping)
    return bool(deliveries)


def handle(
    queue: WorkQueue,
    work: Work,
    delivery: Delivery,
    *,
    stopping: Callable[[], bool],
    extend_every: float = EXTEND_EVERY,
) -> bool:
    """Attend to one message: acknowledge what is settled, put back everything else.

    Whether it is settled. A message that fails again and again rests longer each time and ends in
    the dead-letter queue. What comes when it is time to stop is put back untouched.
    """
    if stopping():
        queue.hold(delivery, 0)
        return False

    def extend() -> bool:
        queue.hold(delivery, HOLD_SECONDS)
        return True

    try:
        with Heartbeat(extend, seconds=extend_every):
            if not _is_greeting(delivery.body):
                hint = Hint.parse(delivery.body)
                work.attend(hint.job_id, at_least=hint.version, stopping=stopping)
    except Interrupted:
        queue.hold(delivery, 0)
    except Exception as error:
        _complain(queue, delivery, error)
        queue.hold(delivery, pause_after(delivery.received))
    else:
        queue.acknowledge(delivery)
        return True
    return False


def pause_after(received: int) -> int:
    """Seconds a failing message rests before its next try: 1, 4, 16, 64, 256, then 300."""
    return PAUSES[min(received, len(PAUSES)) - 1]


def _is_greeting(body: str) -> bool:
    return len(body) < LONGEST_GREETING and GREETING in body and "partitionkey" not in body


def _complain(queue: WorkQueue, delivery: Delivery, error: Exception) -> None:
    expected = isinstance(error, DomainError | ValueError)
    log.warning(
        "work.failed",
        queue=queue.name,
        received=delivery.received,
        correlation_id=_correlation(delivery.body),
        error=f"{type(error).__name__}: {error}",
        exc_info=None if expected else error,
    )


def _correlation(body: str) -> str:
    """The correlation id of the event that led here; the sweeper's hints have none."""
    try:
        return str(json.loads(body).get("correlationid", ""))
    except Exception:  # whatever somebody put into the queue
        return ""
