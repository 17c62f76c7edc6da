"""One DynamoDB table: a client per process, and requests that are repeated while that may help."""

from __future__ import annotations

import os
import random
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from .errors import Busy, Closed, OutcomeUnknown, Passing, TableAbsent, WrongKeySchema, translate

Item = dict[str, Any]  # a DynamoDB item in the client's notation: {"pk": {"S": "…"}, …}

KEY_SCHEMA = [
    {"AttributeName": "pk", "KeyType": "HASH"},
    {"AttributeName": "sk", "KeyType": "RANGE"},
]
KEY_TYPES = [
    {"AttributeName": "pk", "AttributeType": "S"},
    {"AttributeName": "sk", "AttributeType": "N"},
]
FIRST_PAUSE, LONGEST_PAUSE = 0.02, 1.0  # seconds


class Table:
    """The table ``name``. ``timeout``: seconds for which one request is repeated."""

    def __init__(self, name: str, make_client: Callable[[], Any], timeout: float) -> None:
        self.name = name
        self.timeout = timeout
        self._make_client = make_client
        self._client: tuple[int, Any] = (0, None)  # (process id, client)
        self._closed = threading.Event()
        self._checked = False

    @property
    def client(self) -> Any:
        """This process's client: a forked child must not share its parent's connections."""
        pid, client = self._client
        if pid != os.getpid():
            client = self._make_client()
            self._client = (os.getpid(), client)
        return client

    def close(self) -> None:
        """End every wait with `Closed`."""
        self._closed.set()

    def call(self, operation: str, **arguments: Any) -> dict[str, Any]:
        """Make one request; the *identical* request again after throttling, conflict or no answer.

        Every write passed to this method can be repeated: it is conditional and its item carries
        the commit id, so a second application is refused and shown to be our own.
        Raises `Refused` (conditions), `Busy`, `OutcomeUnknown`, `Closed`, or another named error.
        """
        deadline = time.monotonic() + self.timeout
        unknown = False
        for pause in pauses():
            if self._closed.is_set():
                raise self._given_up(operation, unknown)
            try:
                answer: dict[str, Any] = getattr(self.client, operation)(**arguments)
                return answer
            except (ClientError, BotoCoreError) as error:
                verdict = translate(error, self.name)
                if not isinstance(verdict, Passing):
                    raise verdict from error
                unknown = unknown or verdict.unknown
                if time.monotonic() + pause > deadline:
                    raise self._exhausted(operation, verdict, unknown) from error
            self._closed.wait(pause)
        raise AssertionError  # pauses() has no end

    def _given_up(self, operation: str, unknown: bool) -> Closed | OutcomeUnknown:
        if unknown:
            return OutcomeUnknown(
                f"closed while {operation} was under way: read before repeating it"
            )
        return Closed("this event store was closed; nothing was sent")

    def _exhausted(self, operation: str, last: Passing, unknown: bool) -> Busy | OutcomeUnknown:
        what = f"{operation} on table {self.name!r} kept failing for {self.timeout:g} s: {last}"
        if unknown:
            return OutcomeUnknown(f"{what}. It may have been applied: read before repeating it.")
        return Busy(f"{what}. Nothing was written; try again later.")

    def query(self, pk: str, low: int, high: int, **options: Any) -> dict[str, Any]:
        """Items of one partition with ``low <= sk <= high``; strongly consistent, one page."""
        return self.call(
            "query",
            TableName=self.name,
            KeyConditionExpression="pk = :pk AND sk BETWEEN :low AND :high",
            ExpressionAttributeValues={
                ":pk": {"S": pk},
                ":low": {"N": str(low)},
                ":high": {"N": str(high)},
            },
            ConsistentRead=True,
            **options,
        )

    def get(self, pk: str, sk: int) -> Item | None:
        """One item, strongly consistent; ``None`` when it is not there."""
        key = {"pk": {"S": pk}, "sk": {"N": str(sk)}}
        answer = self.call("get_item", TableName=self.name, Key=key, ConsistentRead=True)
        return answer.get("Item")

    def put_request(self, item: Item, condition: str, **more: Any) -> dict[str, Any]:
        """A conditional put, to be sent alone or inside a transaction."""
        return {
            "TableName": self.name,
            "Item": item,
            "ConditionExpression": condition,
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
            **more,
        }

    def put_new(self, item: Item) -> dict[str, Any]:
        """A put that is refused when the key is taken: what is written is never overwritten."""
        return self.put_request(item, "attribute_not_exists(pk)")

    def write(self, puts: list[dict[str, Any]], updates: list[dict[str, Any]], token: str) -> None:
        """Apply all or none. A single put is sent alone, at half the price of a transaction."""
        if len(puts) == 1 and not updates:
            self.call("put_item", **puts[0])
            return
        actions = [{"Put": put} for put in puts] + updates
        self.call("transact_write_items", TransactItems=actions, ClientRequestToken=token)

    def ensure(self) -> None:
        """Create the table unless it is there; `WrongKeySchema` when it has other keys."""
        if self._checked:
            return
        try:
            found = self.call("describe_table", TableName=self.name)["Table"]
        except TableAbsent:
            self._create()
            found = self._when_ready()
        if found["TableStatus"] == "CREATING":  # by somebody else, just now
            found = self._when_ready()
        self._check_keys(found)
        self._checked = True

    def _create(self) -> None:
        try:
            self.client.create_table(
                TableName=self.name,
                KeySchema=KEY_SCHEMA,
                AttributeDefinitions=KEY_TYPES,
                BillingMode="PAY_PER_REQUEST",
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != "ResourceInUseException":
                raise translate(error, self.name) from error

    def _when_ready(self) -> dict[str, Any]:
        self.client.get_waiter("table_exists").wait(
            TableName=self.name, WaiterConfig={"Delay": 1, "MaxAttempts": 60}
        )
        return dict(self.call("describe_table", TableName=self.name)["Table"])

    def _check_keys(self, found: dict[str, Any]) -> None:
        types = {d["AttributeName"]: d["AttributeType"] for d in found["AttributeDefinitions"]}
        keys = {
            (k["AttributeName"], k["KeyType"], types[k["AttributeName"]])
            for k in found["KeySchema"]
        }
        if keys != {("pk", "HASH", "S"), ("sk", "RANGE", "N")}:
            raise WrongKeySchema(
                f"table {self.name!r} has the keys {sorted(keys)}, needed are pk (string, HASH) "
                "and sk (number, RANGE): name another table in DYNAMODB_TABLE"
            )


def pauses() -> Iterator[float]:
    """Seconds to wait before each repetition: exponential, bounded, with full jitter."""
    longest = FIRST_PAUSE
    while True:
        yield random.uniform(0, longest)  # noqa: S311 - spreads rivals, keeps no secret
        longest = min(LONGEST_PAUSE, 2 * longest)
