"""The topic every public event goes through (port ``Bus``)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mypy_boto3_sns import SNSClient
    from mypy_boto3_sns.type_defs import PublishBatchRequestEntryTypeDef as Entry

BATCH_ENTRIES = 10
BATCH_BYTES = 256 * 1024  # of all messages with their attributes together


class NotPublished(Exception):
    """The topic did not take every event; those it took may be published again."""


class SnsBus:
    """Publishes in log order to the topic of that name, in as few requests as SNS allows."""

    def __init__(self, client: SNSClient, topic: str) -> None:
        self._sns = client
        self._topic = topic

    def publish(self, events: Sequence[Mapping[str, Any]]) -> None:
        """As the port says; ``NotPublished`` when an entry was refused."""
        for batch in _batches([_entry(n, event) for n, event in enumerate(events)]):
            answer = self._sns.publish_batch(
                TopicArn=self._topic_arn, PublishBatchRequestEntries=batch
            )
            if failed := answer.get("Failed"):
                first = failed[0]
                raise NotPublished(
                    f"SNS refused {len(failed)} of {len(batch)} events, the first with "
                    f"{first['Code']}: {first.get('Message', 'no reason given')}"
                )

    @cached_property
    def _topic_arn(self) -> str:
        return topic_arn(self._sns, self._topic)


def topic_arn(client: SNSClient, name: str) -> str:
    """The address of the topic of that name; ``NotPublished`` when there is none."""
    for page in client.get_paginator("list_topics").paginate():
        for topic in page["Topics"]:
            if topic["TopicArn"].endswith(f":{name}"):
                return topic["TopicArn"]
    raise NotPublished(f"There is no topic {name}: is the template deployed?")


def _entry(number: int, event: Mapping[str, Any]) -> Entry:
    return {
        "Id": str(number),
        "Message": json.dumps(event, separators=(",", ":")),
        "MessageAttributes": {
            "type": {"DataType": "String", "StringValue": str(event["type"])},
            "aggregateversion": {
                "DataType": "Number",
                "StringValue": str(event["aggregateversion"]),
            },
        },
    }


def _size(entry: Entry) -> int:
    attributes = entry["MessageAttributes"].items()
    return len(entry["Message"].encode()) + sum(
        len(name) + len(value["DataType"]) + len(value["StringValue"]) for name, value in attributes
    )


def _batches(entries: Sequence[Entry]) -> Iterator[list[Entry]]:
    batch: list[Entry] = []
    size = 0
    for entry in entries:
        weight = _size(entry)
        if batch and (len(batch) == BATCH_ENTRIES or size + weight > BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(entry)
        size += weight
    if batch:
        yield batch
