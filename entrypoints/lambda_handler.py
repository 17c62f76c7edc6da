"""AWS Lambda serves a work queue: the handler of an SQS event source mapping.

Set ``entrypoints.lambda_handler.handler`` as the function's handler and report batch item failures
in the mapping. The queue is known from the event, so one function may serve several.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Protocol

from domain.ports import Delivery
from entrypoints.bootstrap import Gas
from entrypoints.settings import Settings
from entrypoints.worker import Work, handle

SPARE_MILLISECONDS = 10_000  # what is left when it is time to put things back

Failures = dict[str, list[dict[str, str]]]


class Context(Protocol):
    """What Lambda says of an invocation."""

    def get_remaining_time_in_millis(self) -> int: ...


@dataclass(frozen=True)
class Container:
    """One service for all invocations of a Lambda container, which come one after another."""

    gas: Gas
    works: dict[str, Work] = field(default_factory=dict)

    def consume(self, event: Mapping[str, Any], *, stopping: Callable[[], bool]) -> Failures:
        """Handle each record; those that are not settled, in the words Lambda wants.

        A record that fails, or for which no time is left, is put back alone. ``ValueError`` for a
        record of a queue that is not ours: nothing of the batch is lost then.
        """
        named = [(self._queue_of(record), record) for record in event["Records"]]
        return {
            "batchItemFailures": [
                {"itemIdentifier": record["messageId"]}
                for queue, record in named
                if not self._settle(queue, record, stopping)
            ]
        }

    def _settle(self, queue: str, record: Mapping[str, Any], stopping: Callable[[], bool]) -> bool:
        return handle(
            self.gas.queues[queue], self._work(queue), _delivery(record), stopping=stopping
        )

    def _work(self, queue: str) -> Work:
        if queue not in self.works:
            self.works[queue] = self.gas.work(queue)
        return self.works[queue]

    def _queue_of(self, record: Mapping[str, Any]) -> str:
        arn = str(record.get("eventSourceARN", ""))
        name = arn.rpartition(":")[2].removeprefix(f"{self.gas.settings.stack}-")
        if record.get("eventSource") != "aws:sqs" or name not in self.gas.queues:
            raise ValueError(
                f"{arn or 'This event'} is no work queue of {self.gas.settings.stack}."
            )
        return name


def handler(event: Mapping[str, Any], context: Context) -> Failures:
    """Lambda's entry point."""
    return container().consume(
        event, stopping=lambda: context.get_remaining_time_in_millis() < SPARE_MILLISECONDS
    )


@cache
def container() -> Container:
    """Made at the first invocation, from the function's environment, and kept by its container."""
    from entrypoints.logs import configure

    configure("lambda")
    gas = Gas(Settings())
    gas.build()
    return Container(gas)


def _delivery(record: Mapping[str, Any]) -> Delivery:
    return Delivery(
        body=record["body"],
        receipt=record["receiptHandle"],
        received=int(record["attributes"]["ApproximateReceiveCount"]),
    )
