"""One DynamoDB table: a client per process, and requests that are repeated while that may help."""

from __future__ import annotations

import os
import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any, Generic, TypeVar

from botocore.exceptions import BotoCoreError, ClientError
from eventsourcing.persistence import PersistenceError

from .errors import (
    Busy,
    Closed,
    OutcomeUnknown,
    Passing,
    Refused,
    TableAbsent,
    WrongKeySchema,
    translate,
)

T = TypeVar("T")
Item = dict[str, Any]  # a DynamoDB item in the client's notation: {"pk": {"S": "…"}, …}
Action = dict[str, Any]  # one member of a transaction: {"Put": {…}}

KEYS = [{"AttributeName": n, "KeyType": kind} for n, kind in (("pk", "HASH"), ("sk", "RANGE"))]
TYPES = [{"AttributeName": n, "AttributeType": t} for n, t in (("pk", "S"), ("sk", "N"))]
NEW = "attribute_not_exists(pk)"  # the condition that nothing written is ever overwritten
HIGHEST = 2**63 - 1  # beyond every sort key
FIRST_PAUSE, LONGEST_PAUSE = 0.02, 1.0  # seconds between repetitions of a request


class PerProcess(Generic[T]):
    """One object for each process: a forked child makes its own and shares none of its parent's
    connections, locks and threads."""

    def __init__(self, make: Callable[[], T]) -> None:
        self._make = make
        self._made: dict[int, T] = {}

    def get(self) -> T:
        """This process's object, made on first use."""
        made = self._made.get(os.getpid())
        return made if made is not None else self._made.setdefault(os.getpid(), self._make())


class Table:
    """The table ``name``. ``timeout``: seconds for which one request is repeated."""

    def __init__(self, name: str, make_client: Callable[[], Any], timeout: float) -> None:
        self.name = name
        self.timeout = timeout
        self._clients = PerProcess(make_client)
        self._closed = threading.Event()
        self._checked = False

    @property
    def client(self) -> Any:
        """This process's boto3 client."""
        return self._clients.get()

    def close(self) -> None:
        """Let no request be repeated any more, and end every wait with `Closed`."""
        self._closed.set()

    def call(self, operation: str, **arguments: Any) -> dict[str, Any]:
        """Make one request; the *identical* request again after throttling, conflict or no answer.

        **Invariant.** Every write passed to this method can be repeated: it is conditional and its
        item carries the commit id, so a second application is refused and shown to be our own.
        Raises `Refused` (conditions), `Busy`, `OutcomeUnknown`, `Closed`, or another named error.
        """
        deadline, longest = time.monotonic() + self.timeout, FIRST_PAUSE
        last, unknown = None, False
        while last is None or (time.monotonic() < deadline and not self._closed.is_set()):
            try:
                answer: dict[str, Any] = getattr(self.client, operation)(**arguments)
                return answer
            except (ClientError, BotoCoreError) as error:
                last = translate(error, self.name)
                if not isinstance(last, Passing):
                    raise last from error
                unknown = unknown or last.unknown
            self._closed.wait(random.uniform(0, longest))  # noqa: S311 - spreads rivals, no secret
            longest = min(LONGEST_PAUSE, 2 * longest)
        what = f"{operation} on table {self.name!r} kept failing: {last}"
        if unknown:
            raise OutcomeUnknown(f"{what}. It may have been applied: read before repeating it.")
        if self._closed.is_set():
            raise Closed(f"{what}, until this event store was closed. Nothing was written.")
        raise Busy(f"{what}. Nothing was written; try again later.")

    def items(
        self, pk: str, low: int, high: int, *, descending: bool = False, most: int = HIGHEST
    ) -> Iterator[Item]:
        """Items of one partition with ``low <= sk <= high``, strongly consistent, page by page as
        they are asked for; ``most``: how many are probably wanted, so that no more are paid for."""
        request: dict[str, Any] = {
            "TableName": self.name,
            "KeyConditionExpression": "pk = :pk AND sk BETWEEN :low AND :high",
            "ExpressionAttributeValues": {
                ":pk": {"S": pk},
                ":low": number(low),
                ":high": number(high),
            },
            "ConsistentRead": True,
            "ScanIndexForward": not descending,
            **({"Limit": most} if most < 1000 else {}),
        }
        while True:
            page = self.call("query", **request)
            yield from page["Items"]
            if "LastEvaluatedKey" not in page:
                return
            request["ExclusiveStartKey"] = page["LastEvaluatedKey"]

    def get(self, pk: str, sk: int) -> Item | None:
        """One item, strongly consistent; ``None`` when it is not there."""
        answer = self.call("get_item", TableName=self.name, Key=key_of(pk, sk), ConsistentRead=True)
        return answer.get("Item")

    def put(self, item: Item, condition: str = NEW, **more: Any) -> Action:
        """The transaction item of a conditional put that shows what stood in its way."""
        rules = {"ConditionExpression": condition, "ReturnValuesOnConditionCheckFailure": "ALL_OLD"}
        return {"Put": {"TableName": self.name, "Item": item, **rules, **more}}

    def write(self, actions: list[Action], token: str) -> None:
        """Apply all or none. A lone put is sent as such, at half the price of a transaction.

        **Invariant.** The commit id `by` of the first item tells whose write lies there: a refusal
        that shows our own is our success, and so is our own found after no answer.
        """
        first = actions[0]["Put"]["Item"]
        try:
            if len(actions) == 1:
                self.call("put_item", **actions[0]["Put"])
            else:
                self.call("transact_write_items", TransactItems=actions, ClientRequestToken=token)
        except Refused as refusal:
            if not same_commit(refusal.items[0], first):
                raise
        except OutcomeUnknown:
            stored = None
            with suppress(PersistenceError):
                stored = self.get(first["pk"]["S"], int(first["sk"]["N"]))
            if not same_commit(stored, first):  # its absence proves nothing
                raise

    def ensure(self) -> None:
        """Create the table unless it is there; `WrongKeySchema` when it has other keys."""
        while not self._checked:
            try:
                found = self.call("describe_table", TableName=self.name)["Table"]
            except TableAbsent:
                self._create()
                continue
            if found["TableStatus"] == "CREATING":
                time.sleep(0.5)
                continue
            keys, types = found["KeySchema"], found["AttributeDefinitions"]
            if keys != KEYS or any(wanted not in types for wanted in TYPES):
                raise WrongKeySchema(
                    f"table {self.name!r} has the keys {keys} of {types}, needed are pk (string, "
                    "HASH) and sk (number, RANGE): name another table in DYNAMODB_TABLE"
                )
            self._checked = True

    def _create(self) -> None:
        with suppress(Refused):  # another process was faster
            self.call(
                "create_table",
                TableName=self.name,
                KeySchema=KEYS,
                AttributeDefinitions=TYPES,
                BillingMode="PAY_PER_REQUEST",
            )


def same_commit(stored: Item | None, item: Item) -> bool:
    """Whether both were written under one commit id."""
    return stored is not None and "by" in item and stored.get("by") == item["by"]


def key_of(pk: str, sk: int) -> Item:
    """The key attributes of an item."""
    return {"pk": {"S": pk}, "sk": number(sk)}


def number(value: int) -> Item:
    """An attribute's value."""
    return {"N": str(value)}
