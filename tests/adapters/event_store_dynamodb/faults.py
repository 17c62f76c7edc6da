"""A DynamoDB client that fails the ways AWS does, on top of one that really writes.

Faults, each with its own rate per request:
  conflict   refused because another transaction has the item in its hands; nothing written
  throttle   refused for speed; nothing written
  before     the connection breaks before the request is sent
  after      the request is applied, then the answer is lost
  lag        applied, but for a moment some of its items are visible and others are not yet
"""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from typing import Any

from botocore.exceptions import ClientError, ConnectTimeoutError, ReadTimeoutError

import adapters.event_store_dynamodb as store

LAG = 0.02  # seconds
URL = "http://faults.invalid"


class FaultyClient:
    """Wraps a client; ``rates``: fault -> probability per request; ``fired`` counts them."""

    def __init__(self, client: Any, rates: dict[str, float], seed: int) -> None:
        self._client = client
        self._rates = rates
        self._random = random.Random(seed)
        self._hidden: Counter[str] = Counter()
        self._applied: set[str | None] = set()  # tokens: what was visible once is not hidden again
        self._lock = threading.Lock()
        self.fired: Counter[str] = Counter()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def _draw(self, *faults: str) -> str | None:
        with self._lock:
            for fault in faults:
                if self._random.random() < self._rates.get(fault, 0):
                    self.fired[fault] += 1
                    return fault
        return None

    # --- writes ------------------------------------------------------------------------------

    def transact_write_items(self, **request: Any) -> Any:
        fault = self._draw("conflict", "throttle", "before", "after", "lag")
        if fault in {"conflict", "throttle"}:
            raise cancelled(fault, len(request["TransactItems"]))
        return self._write("transact_write_items", fault, request)

    def put_item(self, **request: Any) -> Any:
        return self._single("put_item", request)

    def update_item(self, **request: Any) -> Any:
        return self._single("update_item", request)

    def _single(self, operation: str, request: dict[str, Any]) -> Any:
        fault = self._draw("throttle", "before", "after")
        if fault == "throttle":
            raise throttled(operation)
        return self._write(operation, fault, request)

    def _write(self, operation: str, fault: str | None, request: dict[str, Any]) -> Any:
        if fault == "before":
            raise ConnectTimeoutError(endpoint_url=URL)
        if fault == "lag" and request.get("ClientRequestToken") not in self._applied:
            return self._write_slowly(request)
        answer = getattr(self._client, operation)(**request)
        if fault == "after":
            self._applied.add(request.get("ClientRequestToken"))
            raise ReadTimeoutError(endpoint_url=URL)
        return answer

    def _write_slowly(self, request: dict[str, Any]) -> Any:
        items = [identity(a["Put"]["Item"]) for a in request["TransactItems"] if "Put" in a]
        with self._lock:
            late = self._random.sample(items, self._random.randint(0, len(items)))
            self._hidden.update(late)
        try:
            answer = self._client.transact_write_items(**request)
            time.sleep(LAG)
            return answer
        finally:
            with self._lock:
                self._hidden.subtract(late)

    # --- reads -------------------------------------------------------------------------------

    def query(self, **request: Any) -> Any:
        self._fail_read("query")
        answer = self._client.query(**request)
        with self._lock:
            items = [i for i in answer["Items"] if self._hidden[identity(i)] <= 0]
        if len(items) < len(answer["Items"]):
            self.fired["hidden"] += 1
        return {**answer, "Items": items}

    def get_item(self, **request: Any) -> Any:
        self._fail_read("get_item")
        return self._client.get_item(**request)

    def _fail_read(self, operation: str) -> None:
        fault = self._draw("throttle", "before")
        if fault == "throttle":
            raise throttled(operation)
        if fault == "before":
            raise ReadTimeoutError(endpoint_url=URL)


def identity(item: dict[str, Any]) -> str:
    """The item with all it holds: a write that is going to be refused hides nothing of a rival's
    that lies under its key, for what was visible once stays visible."""
    return repr(sorted(item.items()))


def throttled(operation: str) -> ClientError:
    return client_error(operation, "ProvisionedThroughputExceededException", "slow down")


def cancelled(fault: str, items: int) -> ClientError:
    """What a transaction that met another one, or the partition's limit, is answered."""
    code = "TransactionConflict" if fault == "conflict" else "ThrottlingError"
    reasons = [{"Code": code, "Message": fault}] + [{"Code": "None"}] * (items - 1)
    refused = client_error("TransactWriteItems", "TransactionCanceledException", "cancelled")
    refused.response.update({"CancellationReasons": reasons})  # type: ignore[typeddict-item]
    return refused


def client_error(operation: str, code: str, message: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, operation)


EVERY_FAULT = {"conflict": 0.1, "throttle": 0.05, "before": 0.05, "after": 0.1, "lag": 0.1}


class FaultyFactory(store.DynamoDBFactory):
    """The factory with faults at the rate that ``FAULTS`` multiplies (1 by default)."""

    def make_client(self) -> FaultyClient:
        factor = float(self.env.get("FAULTS", "1"))
        rates = {fault: factor * rate for fault, rate in EVERY_FAULT.items()}
        return FaultyClient(super().make_client(), rates, int(self.env.get("FAULTS_SEED", "7")))
