"""The ``Views`` port in one DynamoDB table (keys ``pk`` and ``sk``, strings; TTL on ``ttl``).

A commit that fits is one transaction of the rows and the position. A larger one is decided by one
write as well: its changes are first laid down in full, then the position moves and names them as
*pending*, from which moment they are committed; then they are applied. Whoever asks for the
position or commits next finishes what is pending first, so a crash anywhere leaves all or nothing,
and nobody sees a position whose rows are not there. A reset works the same way.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from botocore.exceptions import ClientError

from adapters.dynamodb_rows import Item, is_refused, key, partition, patiently, scan, sort_key
from domain.ports import Change, Conflict, Put, Remove

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

MOST_ROWS = 99  # of a transaction's 100 items; one is the position
MOST_BYTES = 3_000_000  # of a transaction's 4 MB
STAGED_BYTES = 300_000  # of an item's 400 KB
STAGED_SECONDS = 86_400  # after which what a crash left behind before it was decided is removed
RESET = "reset"


class DynamoDBViews:
    """Rows of a view are read committed, one by one: a reader may meet the middle of a commit, but
    whatever it reads after `position` is at least of that position."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client: Any = client  # requests are built as dictionaries
        self._table = table

    def position(self, view: str) -> int:
        state = self._settled(view)
        return int(state["position"]["N"]) if state else 0

    def commit(self, view: str, changes: Sequence[Change], *, after: int, position: int) -> None:
        self._settled(view)
        final = list({(c.pk, c.sk): c for c in changes}.values())  # later changes win
        groups = list(_groups(final))
        if len(groups) <= 1:
            moved = self._move(view, after, position, None)
            writes = [self._write(view, change) for group in groups for change in group]
            decided = self._transact([{"Update": moved}, *writes])
        else:
            pending = self._stage(view, final)
            moved = self._move(view, after, position, pending)
            decided = self._transact([{"Update": moved}])
        if not decided:
            raise Conflict(f"view {view} is no longer at {after}")
        if len(groups) > 1:
            self._settled(view)

    def get(self, view: str, pk: str, sk: str = "") -> dict[str, Any] | None:
        item = self._item(_partition(view, pk), sk)
        return _data(item) if item else None

    def query(
        self,
        view: str,
        pk: str,
        *,
        after: str = "",
        limit: int | None = None,
        descending: bool = False,
    ) -> list[tuple[str, dict[str, Any]]]:
        rows = partition(
            self._client, self._table, _partition(view, pk), after=after, descending=descending
        )
        return [(sort_key(item), _data(item)) for item in islice(rows, limit)]

    def scan(self, view: str) -> Iterator[tuple[str, str, dict[str, Any]]]:
        prefix = _partition(view, "")
        self._settled(view)
        for item in scan(self._client, self._table, prefix):
            yield item["pk"]["S"].removeprefix(prefix), sort_key(item), _data(item)

    def reset(self, view: str) -> None:
        self._settled(view)
        patiently(
            self._client.put_item,
            TableName=self._table,
            Item={
                **key(f"P#{view}"),
                "position": {"N": "0"},
                "pending": {"S": f"{RESET}#{uuid4().hex}"},
            },
        )
        self._settled(view)

    # --- deciding ----------------------------------------------------------------------------

    def _move(self, view: str, after: int, position: int, pending: str | None) -> Item:
        """The update that decides a commit: over ``after``, with nothing unfinished."""
        values = {":after": {"N": str(after)}, ":position": {"N": str(position)}}
        update = "SET #position = :position"
        if pending:
            update += ", pending = :pending"
            values[":pending"] = {"S": pending}
        start = "attribute_not_exists(pk) OR " if after == 0 else ""
        return {
            "TableName": self._table,
            "Key": key(f"P#{view}"),
            "UpdateExpression": update,
            "ConditionExpression": (
                f"({start}#position = :after) AND attribute_not_exists(pending)"
            ),
            "ExpressionAttributeNames": {"#position": "position"},
            "ExpressionAttributeValues": values,
        }

    def _stage(self, view: str, changes: Sequence[Change]) -> str:
        """Lay the changes down where nobody reads them; the name to find them under."""
        pending = uuid4().hex
        expiry = {"N": str(int(time.time()) + STAGED_SECONDS)}
        for n, part in enumerate(_groups(changes, rows=2**31, most=STAGED_BYTES)):
            lines = [[c.pk, c.sk, dict(c.data) if isinstance(c, Put) else None] for c in part]
            body = {"changes": {"S": json.dumps(lines)}, "ttl": expiry}
            item = {**key(f"C#{view}#{pending}", f"{n:06d}"), **body}
            patiently(self._client.put_item, TableName=self._table, Item=item)
        return pending

    # --- finishing ---------------------------------------------------------------------------

    def _settled(self, view: str) -> Item | None:
        """The view's state, once whatever is pending has been applied."""
        while (state := self._item(f"P#{view}")) and "pending" in state:
            pending = state["pending"]["S"]
            guard = {
                "TableName": self._table,
                "Key": key(f"P#{view}"),
                "ConditionExpression": "pending = :pending",
                "ExpressionAttributeValues": {":pending": {"S": pending}},
            }
            for group in _groups(self._pending(view, pending)):
                writes = [self._write(view, change) for change in group]
                if not self._transact([{"ConditionCheck": guard}, *writes]):
                    break  # another process has finished it; what comes after is not ours to undo
            else:
                self._transact([{"Update": {**guard, "UpdateExpression": "REMOVE pending"}}])
                self._forget(view, pending)
        return state

    def _pending(self, view: str, pending: str) -> Iterator[Change]:
        if pending.startswith(RESET):
            prefix = _partition(view, "")
            for item in scan(self._client, self._table, prefix):
                yield Remove(item["pk"]["S"].removeprefix(prefix), sort_key(item))
            return
        for item in self._staged(view, pending):
            for pk, sk, data in json.loads(item["changes"]["S"]):
                yield Remove(pk, sk) if data is None else Put(pk, sk, data)

    def _staged(self, view: str, pending: str) -> Iterator[Item]:
        name = f"C#{view}#{pending}"
        return partition(self._client, self._table, name)

    def _forget(self, view: str, pending: str) -> None:
        for item in list(self._staged(view, pending)):
            row = {"pk": item["pk"], "sk": item["sk"]}
            patiently(self._client.delete_item, TableName=self._table, Key=row)

    # --- requests ----------------------------------------------------------------------------

    def _item(self, pk: str, sk: str = "") -> Item | None:
        answer: Item = self._client.get_item(
            TableName=self._table, Key=key(pk, sk), ConsistentRead=True
        )
        return answer.get("Item")

    def _write(self, view: str, change: Change) -> Item:
        row = key(_partition(view, change.pk), change.sk)
        if isinstance(change, Remove):
            return {"Delete": {"TableName": self._table, "Key": row}}
        data = {"data": {"S": json.dumps(dict(change.data))}}
        return {"Put": {"TableName": self._table, "Item": {**row, **data}}}

    def _transact(self, actions: list[Item]) -> bool:
        """Apply all or none; False when the condition on the view's state does not hold.

        The token makes a repetition after a lost answer the same write.
        """
        token = uuid4().hex
        try:
            patiently(
                self._client.transact_write_items, TransactItems=actions, ClientRequestToken=token
            )
        except ClientError as error:
            if not is_refused(error):
                raise
            return False
        return True


def _partition(view: str, pk: str) -> str:
    if "#" in view:
        raise ValueError(f"the view's name {view!r} must not contain '#'")
    return f"V#{view}#{pk}"


def _data(item: Item) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(item["data"]["S"])
    return data


def _groups(
    changes: Iterator[Change] | Sequence[Change], rows: int = MOST_ROWS, most: int = MOST_BYTES
) -> Iterator[list[Change]]:
    """Changes in parts that fit into one transaction, or into one item."""
    group: list[Change] = []
    size = 0
    for change in changes:
        length = 200 + 4 * len(change.pk + change.sk)
        if isinstance(change, Put):
            length += len(json.dumps(dict(change.data)))
        if group and (len(group) >= rows or size + length > most):
            yield group
            group, size = [], 0
        group.append(change)
        size += length
    if group:
        yield group
