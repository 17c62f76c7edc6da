"""Everything that can be wrong with table, credentials, clock or settings has a name."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import boto3
import pytest
from botocore.exceptions import ReadTimeoutError
from eventsourcing.application import Application
from eventsourcing.persistence import DataError, Tracking

import adapters.event_store_dynamodb as store
from adapters.event_store_dynamodb.errors import (
    Busy,
    ClockBehind,
    NotAllowed,
    OutcomeUnknown,
    TableAbsent,
    TooLarge,
    WrongKeySchema,
)
from entrypoints.local.cloud import free_port
from tests.adapters.event_store_dynamodb.events import (
    CREDENTIALS,
    a_factory,
    a_process_recorder,
    a_recorder,
    event,
    scripted,
    stream,
)


def test_an_absent_table_is_named_with_what_to_do(env: dict[str, str], closing: list[Any]) -> None:
    factory = a_factory(env, CREATE_TABLE="no")
    closing.append(factory)
    recorder = a_recorder(factory)
    for call in (
        lambda: recorder.insert_events(stream(1)),
        lambda: recorder.select_events(uuid4()),
        lambda: recorder.select_notifications(1, 10),
        recorder.max_notification_id,
        lambda: factory.tracking_recorder().insert_tracking(Tracking("up", 1)),
        lambda: factory.aggregate_recorder("snapshots").insert_events(stream(1)),
    ):
        with pytest.raises(TableAbsent, match="CREATE_TABLE=yes"):
            call()


def test_the_name_of_the_table_does_not_colour_the_error(
    env: dict[str, str], closing: list[Any]
) -> None:
    factory = a_factory(env, CREATE_TABLE="no", DYNAMODB_TABLE="signature-size-schema")
    closing.append(factory)
    with pytest.raises(TableAbsent):
        factory.table.call("delete_table", TableName=factory.table.name)


def create(env: dict[str, str], keys: list[tuple[str, str, str]]) -> None:
    client = a_factory(env).table.client
    client.create_table(
        TableName=env["DYNAMODB_TABLE"],
        KeySchema=[{"AttributeName": n, "KeyType": k} for n, k, _ in keys],
        AttributeDefinitions=[{"AttributeName": n, "AttributeType": t} for n, _, t in keys],
        BillingMode="PAY_PER_REQUEST",
    )


@pytest.mark.parametrize(
    "keys",
    [
        [("pk", "HASH", "S")],
        [("pk", "HASH", "S"), ("sk", "RANGE", "S")],
        [("id", "HASH", "S"), ("sk", "RANGE", "N")],
    ],
)
def test_a_table_with_other_keys_is_named(
    env: dict[str, str], closing: list[Any], keys: list[tuple[str, str, str]]
) -> None:
    create(env, keys)
    unchecked = a_factory(env, CREATE_TABLE="no")
    closing.append(unchecked)
    with pytest.raises(WrongKeySchema, match=r"pk \(string"):
        a_recorder(a_factory(env))
    for call in (
        lambda: a_recorder(unchecked).insert_events(stream(1)),
        lambda: a_recorder(unchecked).select_events(uuid4()),
        lambda: unchecked.tracking_recorder().max_tracking_id("up"),
    ):
        with pytest.raises(WrongKeySchema, match="use another table"):
            call()


@pytest.fixture
def many_users(tmp_path: Path) -> Iterator[dict[str, str]]:
    """A table in an embedded cloud that knows IAM users; ours answers to its one user alone."""
    port = free_port()
    flags = {
        "GATEWAY_PORT": str(port),
        "BIND_HOST": "127.0.0.1",
        "MINISTACK_HOST": "127.0.0.1",
        "AUTH": "true",
        "PERSIST_STATE": "0",
        "LAMBDA_EXECUTOR": "local",
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
    }
    process = subprocess.Popen(
        [str(Path(sys.executable).parent / "ministack")],
        env={**os.environ, **flags},
        cwd=tmp_path,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield {
            "PERSISTENCE_MODULE": "adapters.event_store_dynamodb",
            "DYNAMODB_TABLE": "events",
            "DYNAMODB_ENDPOINT_URL": f"http://127.0.0.1:{port}",
            **dict(zip(CREDENTIALS, ("test", "test", "us-east-1"), strict=True)),
        }
    finally:
        process.kill()
        process.wait()


def a_user(env: dict[str, str], allowed: list[str]) -> dict[str, str]:
    """Credentials of a new user who may do only what is listed."""
    iam: Any = boto3.client(
        "iam",
        endpoint_url=env["DYNAMODB_ENDPOINT_URL"],
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )
    name = f"user-{uuid4().hex}"
    iam.create_user(UserName=name)
    statement = {"Effect": "Allow", "Action": allowed, "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=policy)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return dict(zip(CREDENTIALS, (key["AccessKeyId"], key["SecretAccessKey"]), strict=False))


def test_missing_permission_is_named_and_nothing_is_written(
    many_users: dict[str, str], closing: list[Any]
) -> None:
    writer = a_factory(many_users)  # waits for the cloud to come up, as for any server
    a_recorder(writer).insert_events(stream(1))
    reader = a_user(many_users, ["dynamodb:GetItem", "dynamodb:Query"])
    reading = a_factory({**many_users, **reader, "CREATE_TABLE": "no"})
    closing += [writer, reading]
    assert len(a_recorder(reading).select_notifications(1, 10)) == 1
    with pytest.raises(NotAllowed, match="README"):
        a_recorder(reading).insert_events(stream(1))
    assert a_recorder(writer).max_notification_id() == 1


def test_the_policy_of_the_docs_page_is_enough_to_write_read_and_follow(
    many_users: dict[str, str], closing: list[Any]
) -> None:
    page = Path(store.__file__).with_name("README.md").read_text()
    policy = re.search(r"```json\n(.*?)```", page, re.DOTALL)
    assert policy is not None
    a_factory(many_users).table.ensure()
    writer = a_user(many_users, json.loads(policy.group(1))["Statement"][0]["Action"])
    factory = a_factory({**many_users, **writer, "CREATE_TABLE": "no", "DYNAMODB_BUCKET": "4"})
    closing.append(factory)
    recorder = a_process_recorder(factory)
    for n in range(3):
        recorder.insert_events(stream(3), tracking=Tracking("up", n + 1))
    factory.aggregate_recorder("snapshots").insert_events(stream(1))
    assert len(recorder.select_notifications(1, 10)) == recorder.max_notification_id() == 9
    assert recorder.max_tracking_id("up") == 3


def test_wrong_credentials_are_named(env: dict[str, str]) -> None:
    with pytest.raises(NotAllowed):
        a_recorder(a_factory(env, AWS_ACCESS_KEY_ID="AKIANOBODYKNOWSTHIS"))


def test_a_clock_that_runs_far_behind_the_log_is_named(
    env: dict[str, str], closing: list[Any]
) -> None:
    factory = scripted(env)
    closing.append(factory)
    recorder = a_recorder(factory)
    recorder.insert_events(stream(1))
    factory.seconds_wrong = -200
    recorder.insert_events(stream(1))  # a little is bridged: times in the log never decrease
    first, second = (factory.table.get("L#app#0#0", n) for n in (1, 2))
    assert first is not None
    assert second is not None
    assert first["at"] == second["at"]
    factory.seconds_wrong = -3600
    with pytest.raises(ClockBehind, match="set the clock"):
        recorder.insert_events(stream(1))
    factory.seconds_wrong = 0
    assert recorder.insert_events(stream(1)) == [3]


def test_a_server_that_does_not_answer_is_waited_for_and_then_named(env: dict[str, str]) -> None:
    env = {**env, "DYNAMODB_ENDPOINT_URL": "http://127.0.0.1:9", "CREATE_TABLE": "no"}
    factory = a_factory(env, DYNAMODB_TIMEOUT="0.3")
    with pytest.raises(Busy, match="Nothing was written"):
        a_recorder(factory).insert_events(stream(1))


def test_a_write_without_an_answer_says_that_it_may_have_happened(
    env: dict[str, str], closing: list[Any]
) -> None:
    factory = scripted(env, DYNAMODB_TIMEOUT="0.2")
    closing.append(factory)

    def lost(_: Any, __: Any) -> Any:
        raise ReadTimeoutError(endpoint_url="http://127.0.0.1")

    recorder = a_recorder(factory)
    recorder.insert_events(stream(1))
    factory.scripted.script["transact_write_items"] = [lost] * 1000
    with pytest.raises(OutcomeUnknown, match="read before repeating"):
        recorder.insert_events(stream(1))
    factory.scripted.script.clear()
    assert recorder.insert_events(stream(1)) == [2]


@pytest.mark.parametrize(
    ("settings", "what"),
    [
        ({"DYNAMODB_TABLE": ""}, "APP_DYNAMODB_TABLE or DYNAMODB_TABLE"),
        ({"DYNAMODB_BUCKET": "many"}, "DYNAMODB_BUCKET"),
        ({"DYNAMODB_TIMEOUT": "-1"}, "DYNAMODB_TIMEOUT"),
    ],
)
def test_a_setting_that_makes_no_sense_is_named(settings: dict[str, str], what: str) -> None:
    with pytest.raises(OSError, match=what):
        a_factory(
            {
                "PERSISTENCE_MODULE": "adapters.event_store_dynamodb",
                "DYNAMODB_TABLE": "t",
                **settings,
            }
        )


def test_an_application_name_is_free_of_the_separator(env: dict[str, str]) -> None:
    with pytest.raises(OSError, match="#"):
        a_factory(env, "a#b")


def test_no_configuration_of_aws_is_named(
    env: dict[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    for key in (*CREDENTIALS, "AWS_PROFILE", "AWS_REGION"):
        monkeypatch.delenv(key, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    bare = {k: v for k, v in env.items() if k not in CREDENTIALS}
    for settings in (bare, {**bare, "AWS_DEFAULT_REGION": "us-east-1"}):
        with pytest.raises(NotAllowed, match="AWS_REGION and credentials"):
            a_recorder(a_factory(settings))


def test_the_library_reads_the_module_through_its_own_setting(
    env: dict[str, str], closing: list[Any]
) -> None:
    application: Application[Any] = Application(env={**env, "APPLICATION_DYNAMODB_TABLE": "own"})
    closing.append(application)
    assert application.factory.table.name == "own"  # type: ignore[attr-defined]


def test_an_event_that_is_not_text_where_text_is_needed_is_named(
    env: dict[str, str], closing: list[Any]
) -> None:
    factory = a_factory(env)
    closing.append(factory)
    with pytest.raises(DataError, match="not valid text"):
        a_recorder(factory).insert_events([event("\ud800", 1)])
    with pytest.raises(TooLarge, match="shorter originator id"):
        a_recorder(factory).insert_events([event("x" * 3000, 1)])
