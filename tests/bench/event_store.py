"""What the event store on DynamoDB costs and how fast it is.

Write units are the embedded cloud's `ConsumedCapacity`, which follows AWS's rules; read units are
counted from the items by those rules. Times are of this machine: client and server share its cores,
so only ratios travel.
"""

from __future__ import annotations

import json
import os
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from eventsourcing.persistence import ApplicationRecorder, InfrastructureFactory, StoredEvent
from eventsourcing.utils import Environment

import adapters.event_store_dynamodb as store
from entrypoints.local.cloud import start
from tests.adapters.event_store_dynamodb.events import settings_for
from tests.bench.delaying_proxy import delayed

STATE = b'{"field":"' + b"x" * 388 + b'"}'  # 400 bytes
TOPIC = "job.submitted.v1"
SECONDS = 2.0  # how long each rate is measured
DELAY = 0.010  # seconds added to each request: the way to a real region


def events(count: int) -> list[StoredEvent]:
    originator = uuid4()
    return [StoredEvent(originator, 1 + i, TOPIC, STATE) for i in range(count)]


# --- costs ---------------------------------------------------------------------------------------


class CountingClient:
    """Asks for, and sums, what each request consumes."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self.spent: Counter[str] = Counter()

    def __getattr__(self, name: str) -> Any:
        operation = getattr(self._client, name)
        if name not in {"transact_write_items", "put_item", "update_item", "query", "get_item"}:
            return operation

        def call(**request: Any) -> Any:
            answer = operation(**request, ReturnConsumedCapacity="TOTAL")
            if name in {"query", "get_item"}:
                self.spent["read"] += read_units(answer)
            else:
                used = answer.get("ConsumedCapacity", [])
                units = [u["CapacityUnits"] for u in (used if isinstance(used, list) else [used])]
                self.spent["write"] += sum(units)
            self.spent["requests"] += 1
            return answer

        return call


def read_units(answer: dict[str, Any]) -> int:
    """Strongly consistent: one unit for each 4 KB of the items together, at least one."""
    items = answer.get("Items", [answer.get("Item", {})])
    size = sum(
        len(name.encode()) + sum(len(v if isinstance(v, bytes) else v.encode()) for v in t.values())
        for item in items
        for name, t in item.items()
    )
    return max(1, -(-size // 4096))


class CountingFactory(store.DynamoDBFactory):
    def make_client(self) -> CountingClient:
        self.counting = CountingClient(super().make_client())
        return self.counting


def costs(env: dict[str, str]) -> None:
    factory = CountingFactory(Environment("costs", env))
    recorder = factory.application_recorder()
    recorder.insert_events(events(1))  # the table, the log's description, the first look
    counting = factory.counting  # rebound below

    def row(what: str, per: int, act: Callable[[], Any]) -> None:
        counting.spent.clear()
        act()
        spent = counting.spent
        print(
            f"  {what:<34}{spent['requests'] / per:>9.2f}{spent['write'] / per:>13.2f}"
            f"{spent['read'] / per:>12.2f}"
        )

    ten = events(10)
    recorder.insert_events(ten)
    print(f"  {'400-byte events':<34}{'requests':>9}{'write units':>13}{'read units':>12}")
    row("append 1 event alone", 20, lambda: [recorder.insert_events(events(1)) for _ in range(20)])
    row(
        "append 10 in one, per event",
        200,
        lambda: [recorder.insert_events(events(10)) for _ in range(20)],
    )
    row("32 callers at once, per event", 320, lambda: at_once(recorder, callers=32, each=10))
    factory.close()
    factory = CountingFactory(Environment("costs", env))
    recorder = factory.application_recorder()
    recorder.max_notification_id()
    counting = factory.counting
    row("load an aggregate of 10 events", 1, lambda: recorder.select_events(ten[0].originator_id))
    while (recorder.max_notification_id() or 0) < 1000:
        recorder.insert_events(events(90))
    end = recorder.max_notification_id() or 0
    row("read 1,000 notifications", 1, lambda: recorder.select_notifications(1, 1000))
    row("look for news, none there", 1, lambda: recorder.select_notifications(end + 1, 10))
    factory.close()


def at_once(recorder: ApplicationRecorder, callers: int, each: int) -> None:
    barrier = threading.Barrier(callers)

    def call() -> None:
        for _ in range(each):
            batch = events(1)
            barrier.wait()
            recorder.insert_events(batch)

    with ThreadPoolExecutor(callers) as pool:
        for future in [pool.submit(call) for _ in range(callers)]:
            future.result()


# --- our own code --------------------------------------------------------------------------------


class MemoryClient:
    """Just enough of a table in a dictionary, so that only our own code takes time."""

    def __init__(self) -> None:
        self._items: dict[str, dict[int, Any]] = {}

    def transact_write_items(self, **request: Any) -> Any:
        for action in request["TransactItems"]:
            self.put_item(**action["Put"])
        return {}

    def put_item(self, **request: Any) -> Any:
        item = request["Item"]
        self._items.setdefault(item["pk"]["S"], {})[int(item["sk"]["N"])] = item
        return {}

    def update_item(self, **_: Any) -> Any:
        return {}

    def get_item(self, **request: Any) -> Any:
        key = request["Key"]
        item = self._items.get(key["pk"]["S"], {}).get(int(key["sk"]["N"]))
        return {"Item": item} if item else {}

    def query(self, **request: Any) -> Any:
        values = request["ExpressionAttributeValues"]
        items = self._items.get(values[":pk"]["S"], {})
        low, high = int(values[":low"]["N"]), int(values[":high"]["N"])
        keys = sorted(k for k in items if low <= k <= high)
        if not request.get("ScanIndexForward", True):
            keys.reverse()
        return {"Items": [items[k] for k in keys[: request.get("Limit")]]}


class MemoryFactory(store.DynamoDBFactory):
    def make_client(self) -> MemoryClient:
        return MemoryClient()


class SilentFactory(store.DynamoDBFactory):
    """The real client, answered before anything is sent: botocore's own work remains."""

    answers: dict[str, bytes]

    def make_client(self) -> Any:
        client = super().make_client()
        client.meta.events.register("before-send.dynamodb", self._answer)
        return client

    def _answer(self, request: Any, **_: Any) -> AWSResponse:
        target = request.headers["X-Amz-Target"].decode().rsplit(".", 1)[1]
        return AWSResponse(request.url, 200, HTTPHeaders(), Body(self.answers.get(target, b"{}")))


class Body:
    """An answer's body, as botocore reads it."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def stream(self) -> Iterator[bytes]:
        yield self._content


DESCRIPTION = b'{"Item":{"bucket":{"N":"1048576"}}}'


def per_event(recorder: ApplicationRecorder, batch: int) -> float:
    """Microseconds of CPU an event, appended in batches; other work on the machine counts less."""
    batches = [events(batch) for _ in range(3000 // batch)]
    started = time.process_time()
    for one in batches:
        recorder.insert_events(one)
    return (time.process_time() - started) / sum(map(len, batches)) * 1e6


def own_code(env: dict[str, str]) -> None:
    env = {**env, "CREATE_TABLE": "no", "DYNAMODB_BUCKET": str(2**20)}
    for batch, goal in ((10, " (goal 20)"), (1, "")):
        memory = MemoryFactory(Environment("own", env))
        recorder = memory.application_recorder()
        per_event(recorder, batch)
        appended = min(per_event(recorder, batch) for _ in range(3))
        read = min(per_read(recorder, 3000) for _ in range(5))

        silent = SilentFactory(Environment("own", env))
        silent.answers = {"GetItem": DESCRIPTION, "Query": b'{"Items":[]}'}
        recorder = silent.application_recorder()
        per_event(recorder, batch)
        sent = min(per_event(recorder, batch) for _ in range(3))

        page = list(memory.table.items("L#own#0#0", 1, 100))
        silent = SilentFactory(Environment("own", env))
        silent.answers = {"GetItem": DESCRIPTION, "Query": json.dumps({"Items": page}).encode()}
        recorder = silent.application_recorder()
        received = min(per_read(recorder, 100) for _ in range(20))
        print(
            f"  {batch:>2} in one: append {appended:.1f} us an event ours{goal}, botocore "
            f"{sent - appended:.1f} us; read {read:.1f} us an event ours (goal 5), botocore "
            f"{received - read:.1f} us"
        )
        memory.close()


def per_read(recorder: ApplicationRecorder, most: int) -> float:
    """Microseconds of CPU a notification, read by one call."""
    started = time.process_time()
    count = len(recorder.select_notifications(1, most))
    return (time.process_time() - started) / count * 1e6


# --- rates ---------------------------------------------------------------------------------------


def rate(act: Callable[[], Any], threads: int = 1) -> float:
    """Calls a second."""
    act()
    deadline = time.monotonic() + SECONDS
    counts = [0] * threads

    def run(n: int) -> None:
        while time.monotonic() < deadline:
            act()
            counts[n] += 1

    with ThreadPoolExecutor(threads) as pool:
        for future in [pool.submit(run, n) for n in range(threads)]:
            future.result()
    return sum(counts) / SECONDS


def in_turn(acts: list[Callable[[], Any]], rounds: int = 500) -> list[float]:
    """Calls a second of each from one thread, by the median of calls made in turn, so that other
    work on the machine burdens all alike."""
    taken: list[list[float]] = [[] for _ in acts]
    for _ in range(rounds):
        for act, times in zip(acts, taken, strict=True):
            started = time.perf_counter()
            act()
            times.append(time.perf_counter() - started)
    return [1 / median(times) for times in taken]


def raw(factory: store.DynamoDBFactory) -> Callable[[], Any]:
    """The same two items by `transact_write_items`, without any of our code."""
    factory.table.ensure()
    client, name = factory.table.client, factory.table.name

    def put(pk: str, sk: int) -> Any:
        heads = '[["00000000-0000-0000-0000-000000000000",1,1,[["job.submitted.v1",400]]]]'
        item = {
            "pk": {"S": pk},
            "sk": {"N": str(sk)},
            "n": {"N": "1"},
            "at": {"N": "1700000000000"},
        }
        body = {"by": {"S": uuid4().hex}, "heads": {"S": heads}, "body": {"S": STATE.decode()}}
        condition = {"ConditionExpression": "attribute_not_exists(pk)"}
        return {"Put": {"TableName": name, "Item": {**item, **body}, **condition}}

    run, position = uuid4().hex, iter(range(10**9))

    def act() -> None:
        at = next(position)
        client.transact_write_items(
            TransactItems=[put(f"RAW#{run}#{at // 512}", at), put(f"RAWSTREAM#{uuid4()}", 0)]
        )

    return act


def rates(env: dict[str, str], folder: Path) -> None:
    ours = store.DynamoDBFactory(Environment("rates", env))
    recorder = ours.application_recorder()
    plain = raw(store.DynamoDBFactory(Environment("raw", env)))
    raw_alone, ours_alone = in_turn([plain, lambda: recorder.insert_events(events(1))])
    settings = {
        "PERSISTENCE_MODULE": "eventsourcing.sqlite",
        "SQLITE_DBNAME": str(folder / "bench.db"),
        "SQLITE_LOCK_TIMEOUT": "30",
    }
    sqlite = InfrastructureFactory.construct(Environment("lite", settings)).application_recorder()
    lines: list[tuple[str, float, str]] = [
        ("raw transact_write_items, 1 thread", raw_alone, ""),
        ("ours, 1 thread", ours_alone, f"{ours_alone / raw_alone:.2f} x raw (goal 0.9)"),
        ("ours, 32 threads", rate(lambda: recorder.insert_events(events(1)), 32), ""),
        (
            "the library's SQLite module, 1 thread",
            rate(lambda: sqlite.insert_events(events(1))),
            "",
        ),
    ]
    ours.close()
    print_rates(lines)


class FarFactory(store.DynamoDBFactory):
    """Reaches the server through another port, under the name the server answers to."""

    port: int

    def make_client(self) -> Any:
        client = super().make_client()
        client.meta.events.register("before-send.dynamodb", self._redirect)
        return client

    def _redirect(self, request: Any, **_: Any) -> None:
        there = urlsplit(request.url)
        request.headers["Host"] = there.netloc
        request.url = there._replace(netloc=f"127.0.0.1:{self.port}").geturl()


def far_rates(env: dict[str, str]) -> None:
    """The same server, as if it were `DELAY` further away."""
    with delayed(urlsplit(env["DYNAMODB_ENDPOINT_URL"]).port or 0, DELAY) as port:
        factory = FarFactory(Environment("far", env))
        factory.port = port
        recorder = factory.application_recorder()
        one = rate(raw(factory))
        many = rate(lambda: recorder.insert_events(events(1)), threads=32)
        factory.close()
    print_rates(
        [
            ("+10 ms by a proxy: raw, 1 thread", one, ""),
            ("+10 ms by a proxy: ours, 32 threads", many, f"{many / one:.1f} x raw (goal 10)"),
        ]
    )


def print_rates(lines: list[tuple[str, float, str]]) -> None:
    for what, persecond, note in lines:
        print(f"  {what:<40}{persecond:>8.0f} /s  {note}".rstrip())


def main() -> None:
    """Print the tables."""
    with tempfile.TemporaryDirectory() as name:
        cloud = start(Path(name))
        try:
            env = settings_for(cloud)
            print(f"Event store on DynamoDB ({os.cpu_count()} cores shared by client and server)")
            costs(env)
            own_code(env)
            rates(env, Path(name))
            far_rates(env)
        finally:
            cloud.end()


if __name__ == "__main__":
    main()
