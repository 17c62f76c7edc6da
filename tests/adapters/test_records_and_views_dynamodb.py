"""Records and views on DynamoDB keep the contracts of their twins, and survive a crash anywhere."""

from __future__ import annotations

import contextlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any
from uuid import uuid4
from zlib import crc32

import boto3
import pytest
from botocore.config import Config

from adapters.cloud import Cloud
from adapters.records_dynamodb import DynamoDBRecords
from adapters.views_dynamodb import DynamoDBViews
from domain.ports import Change, Conflict, Put, Remove
from entrypoints.local.cloud import ACCESS_KEY, EmbeddedCloud
from tests.adapters.contracts.records import ExpiringRecordsContract, RecordsContract
from tests.adapters.contracts.views import ViewsContract
from tests.adapters.event_store_dynamodb.faults import EVERY_FAULT, Faults
from tests.conftest import SOAK


@pytest.fixture
def client(aws: Cloud) -> Any:
    return aws.client("dynamodb")


@pytest.fixture
def table(client: Any) -> str:
    name = f"rows-{uuid4().hex}"
    client.create_table(
        TableName=name,
        KeySchema=[
            {"AttributeName": "pk", "KeyType": "HASH"},
            {"AttributeName": "sk", "KeyType": "RANGE"},
        ],
        AttributeDefinitions=[
            {"AttributeName": "pk", "AttributeType": "S"},
            {"AttributeName": "sk", "AttributeType": "S"},
        ],
        BillingMode="PAY_PER_REQUEST",
    )
    return name


@dataclass(frozen=True)
class Faulty:
    """A client that fails as AWS does; botocore repeats quickly, so that the tests are quick."""

    client: Any
    faults: Faults


@pytest.fixture(params=range(20 if SOAK else 1))
def faulty(request: pytest.FixtureRequest, cloud: EmbeddedCloud, table: str) -> Faulty:
    client = boto3.client(
        "dynamodb",
        endpoint_url=cloud.endpoint,
        region_name="us-east-1",
        aws_access_key_id=ACCESS_KEY,
        aws_secret_access_key=cloud.secret,
        config=Config(retries={"mode": "legacy", "total_max_attempts": 10}),
    )
    return Faulty(client, Faults(client, EVERY_FAULT, seed=crc32(request.node.name.encode())))


@pytest.fixture
def clock() -> list[float]:
    return [1_000_000.25]


class AnswersLost:
    """Applies the next writes and loses the answer, or ends the process before one of them."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self.lose = 0
        self.crash_at: int | None = None

    def __getattr__(self, name: str) -> Any:
        operation = getattr(self._client, name)
        if name not in {"put_item", "transact_write_items", "delete_item"}:
            return operation

        def call(**request: Any) -> Any:
            if self.crash_at is not None:
                self.crash_at -= 1
                if self.crash_at < 0:
                    raise KeyboardInterrupt
            answer = operation(**request)
            if self.lose:
                self.lose -= 1
                return operation(**request)  # as botocore sends it again
            return answer

        return call


class TestDynamoDBRecords(RecordsContract, ExpiringRecordsContract):
    @pytest.fixture
    def records(self, client: Any, table: str, clock: list[float]) -> DynamoDBRecords:
        return DynamoDBRecords(client, table, now=lambda: clock[0])

    def test_a_repeated_write_is_recognised_as_ours(self, client: Any, table: str) -> None:
        unsure = AnswersLost(client)
        records = DynamoDBRecords(unsure, table, now=lambda: 1.0)  # type: ignore[arg-type]
        for expected in (0, 1, None):
            unsure.lose = 1
            assert records.put("kind", "pk", value={}, expected=expected) in (1, 2, 3)
        found = records.get("kind", "pk")
        assert found is not None
        assert found.revision == 3

    def test_the_time_to_live_is_whole_seconds_and_never_early(
        self, client: Any, table: str, records: DynamoDBRecords
    ) -> None:
        records.put("kind", "pk", value={}, expires=1_000_010.5)
        item = client.scan(TableName=table)["Items"][0]
        assert item["ttl"] == {"N": "1000011"}
        assert [copy.expires for copy in records.copies()] == [1_000_010.5]

    def test_keys_may_hold_the_separator(self, records: DynamoDBRecords) -> None:
        keys = [("a", "b#c"), ("a#b", "c"), ("a#b", "#c#"), ("a%23b", "c"), ("a%", ""), ("#", "#")]
        for kind in ("kind", "kind#", "kin"):
            for pk, sk in keys:
                records.put(kind, pk, sk, value={"at": [kind, pk, sk]})
            found = [(r.pk, r.sk, r.value["at"]) for r in records.scan(kind)]
            assert sorted(found) == sorted((pk, sk, [kind, pk, sk]) for pk, sk in keys)
        assert [r.sk for r in records.query("kind", "a#b")] == ["#c#", "c"]
        assert [r.sk for r in records.query("kind", "a#b", after="#c#")] == ["c"]
        assert [r.sk for r in records.query("kind", "a#b", after="c", descending=True)] == ["#c#"]
        assert {(c.kind, c.record.pk, c.record.sk) for c in records.copies()} == {
            (kind, pk, sk) for kind in ("kind", "kind#", "kin") for pk, sk in keys
        }

    def test_a_scan_of_one_kind_reads_no_other(
        self, client: Any, table: str, records: DynamoDBRecords
    ) -> None:
        records.put("few", "pk", value={})
        for n in range(50):
            records.put("many", f"{n}", value={})
        read: list[int] = []
        events = client.meta.events

        def count(parsed: dict[str, Any], **_: Any) -> None:
            read.append(parsed["ScannedCount"])

        for operation in ("Query", "Scan"):
            events.register(f"after-call.dynamodb.{operation}", count, unique_id="scanned")
        assert len(list(records.scan("few"))) == 1
        assert read == [1]

    def test_more_than_one_page_is_scanned_and_queried(self, records: DynamoDBRecords) -> None:
        for n in range(30):
            records.put("kind", "pk", f"{n:02d}", value={"text": "x" * 60_000})
        assert len(list(records.scan("kind"))) == 30
        assert records.query("kind", "pk", descending=True)[0].sk == "29"


class TestDynamoDBViews(ViewsContract):
    @pytest.fixture
    def views(self, client: Any, table: str) -> DynamoDBViews:
        return DynamoDBViews(client, table)

    @pytest.mark.parametrize("crash_at", range(12))
    def test_a_crash_anywhere_in_a_large_commit_leaves_all_or_nothing(
        self, client: Any, table: str, views: DynamoDBViews, crash_at: int
    ) -> None:
        views.commit("v", [Put("pk", "0000", {"n": "old"})], after=0, position=1)
        ending = AnswersLost(client)
        ending.crash_at = crash_at
        changes: list[Change] = [Put("pk", f"{n:04d}", {"n": n}) for n in range(250)]
        changes[100:100] = [Remove("pk", "0000")]
        crashing = DynamoDBViews(ending, table)  # type: ignore[arg-type]
        try:
            crashing.commit("v", changes, after=1, position=9)
        except KeyboardInterrupt:
            pass
        else:
            assert crash_at > 5
        position = views.position("v")
        rows = views.query("v", "pk")
        if position == 1:
            assert rows == [("0000", {"n": "old"})]
            views.commit("v", changes, after=1, position=9)
        else:
            assert position == 9
        assert [data["n"] for _, data in views.query("v", "pk")] == list(range(1, 250))

    @pytest.mark.parametrize("crash_at", range(5))
    def test_a_crash_anywhere_in_a_reset_is_finished_by_the_next(
        self, client: Any, table: str, views: DynamoDBViews, crash_at: int
    ) -> None:
        rows: list[Change] = [Put("pk", f"{n}", {}) for n in range(150)]
        views.commit("v", rows, after=0, position=150)
        ending = AnswersLost(client)
        ending.crash_at = crash_at
        with contextlib.suppress(KeyboardInterrupt):
            DynamoDBViews(ending, table).reset("v")  # type: ignore[arg-type]
        assert (views.position("v"), len(views.query("v", "pk"))) in ((150, 150), (0, 0))

    def test_of_many_large_commits_one_wins_whole(self, views: DynamoDBViews) -> None:
        def attempt(writer: int) -> bool:
            changes = [Put("pk", f"{n:04d}", {"by": writer}) for n in range(120)]
            try:
                views.commit("v", changes, after=0, position=1)
            except Conflict:
                return False
            return True

        with ThreadPoolExecutor(6) as pool:
            assert sum(pool.map(attempt, range(6))) == 1
        assert views.position("v") == 1
        assert len({data["by"] for _, data in views.query("v", "pk")}) == 1

    def test_a_finished_commit_leaves_nothing_behind(
        self, client: Any, table: str, views: DynamoDBViews
    ) -> None:
        changes = [Put("pk", f"{n:04d}", {"text": "x" * 5000}) for n in range(300)]
        views.commit("v", changes, after=0, position=1)
        pages = client.get_paginator("scan").paginate(TableName=table)
        partitions = {item["pk"]["S"] for page in pages for item in page["Items"]}
        assert partitions == {"V#v#pk", "P#v"}
        assert len(list(views.scan("v"))) == 300

    def test_a_repeated_commit_counts_once(self, client: Any, table: str) -> None:
        unsure = AnswersLost(client)
        unsure.lose = 1
        views = DynamoDBViews(unsure, table)  # type: ignore[arg-type]
        views.commit("v", [Put("pk", "a", {})], after=0, position=4)
        assert views.position("v") == 4


class TestDynamoDBRecordsUnderFaults(RecordsContract, ExpiringRecordsContract):
    @pytest.fixture
    def records(self, faulty: Faulty, table: str, clock: list[float]) -> DynamoDBRecords:
        return DynamoDBRecords(faulty.client, table, now=lambda: clock[0])

    def test_every_kind_of_fault_fires_and_each_call_counts_once(
        self, records: DynamoDBRecords, faulty: Faulty
    ) -> None:
        n = 0
        while n < 10 or not {"conflict", "throttle", "before", "after"} <= set(faulty.faults.fired):
            n += 1
            assert records.put("kind", f"{n}", value={}, expected=0) == 1
            assert records.put("kind", f"{n}", value={"n": n}) == 2
            records.delete("kind", f"{n}", expected=2)
            assert records.get("kind", f"{n}") is None
            assert n < 200, f"not every fault fired: {faulty.faults.fired}"
        assert list(records.copies()) == []


class TestDynamoDBViewsUnderFaults(ViewsContract):
    @pytest.fixture
    def views(self, faulty: Faulty, table: str) -> DynamoDBViews:
        return DynamoDBViews(faulty.client, table)

    def test_every_kind_of_fault_fires_and_each_commit_counts_once(
        self, views: DynamoDBViews, faulty: Faulty
    ) -> None:
        position = 0
        while position < 10 or not set(EVERY_FAULT) <= set(faulty.faults.fired):
            rows = [Put("pk", f"{n:03d}", {"at": position}) for n in range(10 * position)]
            views.commit("v", rows, after=position, position=position + 1)
            assert views.query("v", "pk") == [(row.sk, row.data) for row in rows]
            position += 1
            assert position < 200, f"not every fault fired: {faulty.faults.fired}"
        views.reset("v")
        assert (views.position("v"), views.query("v", "pk")) == (0, [])
