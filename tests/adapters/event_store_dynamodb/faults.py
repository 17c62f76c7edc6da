"""A DynamoDB client that fails the ways AWS does, on top of one that really writes.

Faults, each with its own rate per request:
  conflict   refused because another transaction has the item in its hands; nothing written
  throttle   refused for speed; nothing written
  before     the connection breaks before the request is sent
  after      the request is applied, then the answer is lost
  lag        applied, but for a moment some of its items are visible to a query and others are not
             yet; reading one item by its key is serializable with a transaction and waits for it

They are injected where botocore sends, so that its own repetition, where a client has one, meets
them as it meets AWS.
"""

from __future__ import annotations

import json
import random
import threading
import time
from base64 import b64encode
from collections import Counter
from collections.abc import Iterator
from typing import Any

from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from botocore.exceptions import ConnectTimeoutError, ReadTimeoutError
from botocore.httpsession import URLLib3Session

import adapters.event_store_dynamodb as store

LAG = 0.02  # seconds
INJECTED = "http://faults.invalid"  # so that a report tells our faults from the machine's
FAULTS = {  # operation -> what may happen to it
    "TransactWriteItems": ("conflict", "throttle", "before", "after", "lag"),
    "PutItem": ("conflict", "throttle", "before", "after"),
    "UpdateItem": ("conflict", "throttle", "before", "after"),
    "DeleteItem": ("conflict", "throttle", "before", "after"),
    "Query": ("throttle", "before"),
    "Scan": ("throttle", "before"),
    "GetItem": ("throttle", "before"),
}
EVERY_FAULT = {"conflict": 0.1, "throttle": 0.05, "before": 0.05, "after": 0.1, "lag": 0.1}
SINGLE = {
    "conflict": "TransactionConflictException",
    "throttle": "ProvisionedThroughputExceededException",
}
REASON = {"conflict": "TransactionConflict", "throttle": "ThrottlingError"}


class Faults:
    """Makes a client fail; ``rates``: fault -> probability per request; ``fired`` counts them."""

    def __init__(self, client: Any, rates: dict[str, float], seed: int) -> None:
        self._rates = rates
        self._random = random.Random(seed)
        self._session = URLLib3Session()
        self._hidden: Counter[str] = Counter()
        self._in_transaction: Counter[str] = Counter()  # keys
        self._applied: set[str | None] = set()  # tokens: what was visible once is not hidden again
        self._lock = threading.Lock()
        self.fired: Counter[str] = Counter()
        client.meta.events.register("before-send.dynamodb", self._before_send)
        for operation in ("Query", "Scan"):
            client.meta.events.register(f"after-call.dynamodb.{operation}", self._after_read)

    def _draw(self, operation: str) -> str | None:
        with self._lock:
            for fault in FAULTS.get(operation, ()):
                if self._random.random() < self._rates.get(fault, 0):
                    self.fired[fault] += 1
                    return fault
        return None

    def _before_send(self, request: Any, **_: Any) -> AWSResponse | None:
        operation = request.headers["X-Amz-Target"].decode().rsplit(".", 1)[1]
        body = json.loads(request.body)
        fault, token = self._draw(operation), body.get("ClientRequestToken")
        while operation == "GetItem" and self._in_transaction[repr(body["Key"])] > 0:
            time.sleep(0.001)
        if fault in REASON:
            return refusal(request, fault, body)
        if fault == "before":
            raise ConnectTimeoutError(endpoint_url=INJECTED)
        if fault == "after":
            self._session.send(request)
            self._applied.add(token)
            raise ReadTimeoutError(endpoint_url=INJECTED)
        if fault == "lag" and token not in self._applied:
            return self._write_slowly(request, body)
        return None

    def _write_slowly(self, request: Any, body: dict[str, Any]) -> AWSResponse:
        puts = [a["Put"]["Item"] for a in body["TransactItems"] if "Put" in a]
        keys = [repr({"pk": item["pk"], "sk": item["sk"]}) for item in puts]
        with self._lock:
            some = self._random.sample(puts, self._random.randint(0, len(puts)))
            late = [identity(item) for item in some]
            self._hidden.update(late)
            self._in_transaction.update(keys)
        try:
            answer: AWSResponse = self._session.send(request)
            if answer.status_code == 200:
                time.sleep(LAG)
            return answer
        finally:
            with self._lock:
                self._hidden.subtract(late)
                self._in_transaction.subtract(keys)

    def _after_read(self, parsed: dict[str, Any], **_: Any) -> None:
        with self._lock:
            items = [i for i in parsed.get("Items", []) if self._hidden[identity(i)] <= 0]
            if len(items) < len(parsed.get("Items", [])):
                self.fired["hidden"] += 1
                parsed["Items"] = items


def identity(item: dict[str, Any]) -> str:
    """The item with all it holds: a write that is going to be refused hides nothing of a rival's
    that lies under its key, for what was visible once stays visible."""
    return repr(sorted((name, kind, text(v)) for name, t in item.items() for kind, v in t.items()))


def text(value: Any) -> str:
    return b64encode(value).decode() if isinstance(value, bytes) else str(value)


def refusal(request: Any, fault: str, body: dict[str, Any]) -> AWSResponse:
    """What a write that met a transaction, or the partition's limit, is answered."""
    code, reasons = SINGLE[fault], {}
    if others := len(body.get("TransactItems", [])):
        code = "TransactionCanceledException"
        first = {"Code": REASON[fault], "Message": fault}
        reasons = {"CancellationReasons": [first] + [{"Code": "None"}] * (others - 1)}
    named = {"__type": f"com.amazonaws.dynamodb.v20120810#{code}", "message": fault, **reasons}
    return AWSResponse(request.url, 400, HTTPHeaders(), Raw(json.dumps(named).encode()))


class Raw:
    """The body of an answer, as botocore reads it."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def stream(self) -> Iterator[bytes]:
        yield self._content


class FaultyFactory(store.DynamoDBFactory):
    """The factory with faults at the rate that ``FAULTS`` multiplies (1 by default)."""

    faults: Faults

    def make_client(self) -> Any:
        client = super().make_client()
        factor = float(self.env.get("FAULTS", "1"))
        rates = {fault: factor * rate for fault, rate in EVERY_FAULT.items()}
        self.faults = Faults(client, rates, int(self.env.get("FAULTS_SEED", "7")))
        return client
