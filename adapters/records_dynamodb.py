"""The ``Records`` port in one DynamoDB table (keys ``pk`` and ``sk``, strings; TTL on ``ttl``).

A kind is a partition, so that a scan of one kind reads no other. Below it a row lies under
``<pk>#<sk>``, where the pk's own ``#`` is written ``%23``; both together may have 1,000 bytes.

Every write is conditional and leaves its id in ``by``: when an answer was lost and the client sent
the write again, the refusal shows our own id and the write counts as made.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from botocore.exceptions import ClientError

from adapters.dynamodb_rows import Item, is_refused, key, partition, patiently, scan, sort_key
from domain.ports import Conflict, Record, RecordCopy

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

PREFIX = "R#"
ABSENT = "attribute_not_exists(pk) OR #expires <= :now"
ALIVE = "(attribute_not_exists(#expires) OR #expires > :now)"


class DynamoDBRecords:
    """``now`` gives seconds since the epoch."""

    def __init__(self, client: DynamoDBClient, table: str, *, now: Callable[[], float]) -> None:
        self._client: Any = client  # requests are built as dictionaries
        self._table = table
        self._now = now

    def get(self, kind: str, pk: str, sk: str = "") -> Record | None:
        item = self._client.get_item(
            TableName=self._table, Key=_key(kind, pk, sk), ConsistentRead=True
        ).get("Item")
        return _record(item) if item and self._is_alive(item) else None

    def put(
        self,
        kind: str,
        pk: str,
        sk: str = "",
        *,
        value: Mapping[str, Any],
        expected: int | None = None,
        expires: float | None = None,
    ) -> int:
        while True:
            revision = expected
            if revision is None:
                found = self.get(kind, pk, sk)
                revision = found.revision if found else 0
            item = _item(RecordCopy(kind, Record(pk, sk, dict(value), revision + 1), expires))
            if self._write(item, revision):
                return revision + 1
            if expected is not None:
                raise Conflict(f"{kind} {pk} {sk}: not at revision {expected}")

    def delete(self, kind: str, pk: str, sk: str = "", *, expected: int | None = None) -> None:
        erase: Item = {"TableName": self._table, "Key": _key(kind, pk, sk)}
        if expected is not None:
            # Nothing tells who removed a row that is gone. So one that has expired is written over
            # it first, which shows whose it is, and only that one is removed.
            ended = _item(RecordCopy(kind, Record(pk, sk, {}, expected + 1), self._now()))
            if not self._write(ended, expected):
                raise Conflict(f"{kind} {pk} {sk}: not at revision {expected}")
            erase |= {
                "ConditionExpression": "#by = :by",
                "ExpressionAttributeNames": {"#by": "by"},
                "ExpressionAttributeValues": {":by": ended["by"]},
            }
        try:
            patiently(self._client.delete_item, **erase)
        except ClientError as error:
            if not is_refused(error):  # refused: there is a newer row, or an earlier try did it
                raise

    def query(
        self,
        kind: str,
        pk: str,
        *,
        after: str = "",
        limit: int | None = None,
        descending: bool = False,
    ) -> list[Record]:
        items = partition(
            self._client,
            self._table,
            _partition(kind),
            f"{_escaped(pk)}#",
            after=after,
            descending=descending,
        )
        return [_record(item) for item in islice(filter(self._is_alive, items), limit)]

    def scan(self, kind: str) -> Iterator[Record]:
        items = partition(self._client, self._table, _partition(kind))
        return map(_record, filter(self._is_alive, items))

    def copies(self) -> Iterator[RecordCopy]:
        return map(_copy, filter(self._is_alive, scan(self._client, self._table, PREFIX)))

    def load(self, copies: Iterable[RecordCopy]) -> None:
        for copy in copies:
            patiently(self._client.put_item, TableName=self._table, Item=_item(copy))

    def remove_expired(self) -> int:
        return 0  # DynamoDB does it, by the time in ``ttl``

    def _is_alive(self, item: Item) -> bool:
        return "expires" not in item or float(item["expires"]["N"]) > self._now()

    def _write(self, item: Item, revision: int) -> bool:
        """Write over this revision (0: over nothing); whether it was made."""
        values: Item = {":now": {"N": repr(self._now())}}
        names = {"#expires": "expires"}
        condition = ABSENT
        if revision:
            condition = f"#revision = :revision AND {ALIVE}"
            values[":revision"] = {"N": str(revision)}
            names["#revision"] = "revision"
        try:
            patiently(
                self._client.put_item,
                TableName=self._table,
                Item=item,
                ConditionExpression=condition,
                ExpressionAttributeNames=names,
                ExpressionAttributeValues=values,
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except ClientError as error:
            if not is_refused(error):
                raise
            there: Any = error.response.get("Item", {})
            return bool(there.get("by") == item["by"])
        return True


def _partition(kind: str) -> str:
    return f"{PREFIX}{kind}"


def _escaped(pk: str) -> str:
    return pk.replace("%", "%25").replace("#", "%23")


def _key(kind: str, pk: str, sk: str) -> Item:
    return key(_partition(kind), f"{_escaped(pk)}#{sk}")


def _item(copy: RecordCopy) -> Item:
    record = copy.record
    item = {
        **_key(copy.kind, record.pk, record.sk),
        "value": {"S": json.dumps(record.value)},
        "revision": {"N": str(record.revision)},
        "by": {"S": uuid4().hex},
    }
    if copy.expires is not None:
        item["expires"] = {"N": repr(copy.expires)}
        item["ttl"] = {"N": str(math.ceil(copy.expires))}
    return item


def _record(item: Item) -> Record:
    return _copy(item).record


def _copy(item: Item) -> RecordCopy:
    pk, _, sk = sort_key(item).partition("#")
    pk = pk.replace("%23", "#").replace("%25", "%")
    value, revision = json.loads(item["value"]["S"]), int(item["revision"]["N"])
    expires = float(item["expires"]["N"]) if "expires" in item else None
    kind = item["pk"]["S"].removeprefix(PREFIX)
    return RecordCopy(kind, Record(pk, sk, value, revision), expires)
