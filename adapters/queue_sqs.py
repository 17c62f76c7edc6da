"""Work queues in SQS (port ``WorkQueue``).

A queue is known by its name; its URL is looked up, because the embedded cloud's port changes. A
receive waits on the server's side: AWS answers as soon as there is a message, the embedded cloud
looks every 100 ms (50 ms on average, measured 5 to 106 ms from publish to receipt), which is
quicker and cheaper than asking it again and again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING

from domain.ports import Delivery, QueueDepth

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.literals import QueueAttributeNameType

DEAD = "-dead"
BATCH = 10
GONE = ("ReceiptHandleIsInvalid", "MessageNotInflight")
COUNTS: tuple[QueueAttributeNameType, ...] = (
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesNotVisible",
    "ApproximateNumberOfMessagesDelayed",
)


class SqsQueue:
    """One kind of work: the queue of that name and its dead-letter queue, ``<name>-dead``.

    A receipt that has expired does nothing and raises nothing: the message has been or will be
    delivered again, and whoever gets it finds what is left to do.
    """

    def __init__(self, client: SQSClient, name: str) -> None:
        self._sqs = client
        self._name = name

    @property
    def name(self) -> str:
        return self._name

    def receive(self, *, wait_seconds: int, limit: int = 1) -> Sequence[Delivery]:
        return self._receive(self.url, wait_seconds, limit)

    def acknowledge(self, delivery: Delivery) -> None:
        with _gone_is_fine():
            self._sqs.delete_message(QueueUrl=self.url, ReceiptHandle=delivery.receipt)

    def hold(self, delivery: Delivery, seconds: int) -> None:
        with _gone_is_fine():
            self._sqs.change_message_visibility(
                QueueUrl=self.url, ReceiptHandle=delivery.receipt, VisibilityTimeout=seconds
            )

    def send(self, body: str, *, delay_seconds: int = 0) -> None:
        self._sqs.send_message(QueueUrl=self.url, MessageBody=body, DelaySeconds=delay_seconds)

    def depth(self) -> QueueDepth:
        live = self._counts(self.url)
        return QueueDepth(
            visible=live[0],
            in_flight=live[1],
            delayed=live[2],
            dead=self._counts(self._dead_url)[0],
        )

    def redrive(self) -> int:
        """As the port says. A crash half-way leaves a message in both queues, never in none.

        What comes back to the dead-letter queue meanwhile stays there.
        """
        moved = 0
        waiting = self.depth().dead  # an estimate on AWS, hence at least one full batch
        while moved < max(waiting, BATCH) and (batch := self._receive(self._dead_url, 0, BATCH)):
            for delivery in batch:
                self.send(delivery.body)
                self._sqs.delete_message(QueueUrl=self._dead_url, ReceiptHandle=delivery.receipt)
                moved += 1
        return moved

    @cached_property
    def url(self) -> str:
        """Where it is at the moment, for those who cannot look it up."""
        return self._sqs.get_queue_url(QueueName=self._name)["QueueUrl"]

    @cached_property
    def _dead_url(self) -> str:
        return self._sqs.get_queue_url(QueueName=self._name + DEAD)["QueueUrl"]

    def _receive(self, url: str, wait_seconds: int, limit: int) -> list[Delivery]:
        answer = self._sqs.receive_message(
            QueueUrl=url,
            WaitTimeSeconds=wait_seconds,
            MaxNumberOfMessages=limit,
            MessageSystemAttributeNames=["ApproximateReceiveCount"],
        )
        return [
            Delivery(
                body=message["Body"],
                receipt=message["ReceiptHandle"],
                received=int(message["Attributes"]["ApproximateReceiveCount"]),
            )
            for message in answer.get("Messages", ())
        ]

    def _counts(self, url: str) -> list[int]:
        """Visible, in flight and delayed messages; estimates on AWS."""
        answer = self._sqs.get_queue_attributes(QueueUrl=url, AttributeNames=list(COUNTS))
        return [int(answer["Attributes"][name]) for name in COUNTS]


@contextmanager
def _gone_is_fine() -> Iterator[None]:
    from botocore.exceptions import ClientError

    try:
        yield
    except ClientError as error:
        if error.response["Error"]["Code"] not in GONE:
            raise
