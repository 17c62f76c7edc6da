"""Lambda serves a queue with the very same handler, and one bad record fails alone."""

from __future__ import annotations

import io
import json
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
import structlog

from domain.context import acting
from domain.job import Job
from entrypoints import lambda_handler
from entrypoints.bootstrap import Gas
from entrypoints.lambda_handler import Container, container, handler
from entrypoints.local.cloud import ACCESS_KEY, REGION
from entrypoints.worker import Hint
from projections.listeners import LISTENERS
from tests.cloud import Stack
from tests.entrypoints.running import a_gas
from tests.entrypoints.test_work import until
from tests.world import GOOD

HERE = Path(lambda_handler.__file__).parent.parent
POISON = "no hint at all"


class Context:
    """An invocation that has so much time left."""

    def __init__(self, *milliseconds: int) -> None:
        self._left = list(milliseconds)

    def get_remaining_time_in_millis(self) -> int:
        return self._left.pop(0) if len(self._left) > 1 else self._left[0]


@pytest.fixture
def gas(tmp_path: Path, stack: Stack) -> Gas:
    queues = {name: stack.queue(name) for name in LISTENERS}
    return a_gas(tmp_path, queues=queues, settings={"stack": stack.prefix})


def submit(gas: Gas) -> Job:
    owner, upload_id = UUID(int=7), uuid4().hex
    with acting(f"user:{owner}"):
        gas.uploading.receive(owner, filename="f", data=GOOD, upload_id=upload_id)
        return gas.submission.submit(owner, upload_id=upload_id, reference="toy").aggregate


def arn_of(stack: Stack, queue: str) -> str:
    return f"arn:aws:sqs:{REGION}:000000000000:{stack.prefix}-{queue}"


def received(stack: Stack, count: int, queue: str = "annotation") -> dict[str, Any]:
    """What Lambda would hand over: messages of the queue, as the developer guide shows them."""
    sqs, url = stack.aws.client("sqs"), stack.queue(queue).url
    messages: list[dict[str, Any]] = []
    while len(messages) < count:
        messages += sqs.receive_message(
            QueueUrl=url,
            WaitTimeSeconds=5,
            MaxNumberOfMessages=count - len(messages),
            MessageSystemAttributeNames=["All"],
        )["Messages"]
    return {
        "Records": [
            {
                "messageId": message["MessageId"],
                "receiptHandle": message["ReceiptHandle"],
                "body": message["Body"],
                "attributes": message["Attributes"],
                "messageAttributes": {},
                "md5OfBody": message["MD5OfBody"],
                "eventSource": "aws:sqs",
                "eventSourceARN": arn_of(stack, queue),
                "awsRegion": REGION,
            }
            for message in messages
        ]
    }


def test_one_bad_record_fails_alone(gas: Gas, stack: Stack) -> None:
    jobs = [submit(gas) for _ in range(2)]
    queue = gas.queues["annotation"]
    for body in (Hint(jobs[0].id, 1).body(), POISON, Hint(jobs[1].id, 1).body()):
        queue.send(body)
    event = received(stack, 3)
    (bad,) = [r["messageId"] for r in event["Records"] if r["body"] == POISON]
    answer = Container(gas).consume(event, stopping=lambda: False)
    assert answer == {"batchItemFailures": [{"itemIdentifier": bad}]}
    assert [gas.service.job(job.id).work for job in jobs] == ["completed"] * 2
    depth = queue.depth()
    assert depth.visible + depth.in_flight == 1


def test_when_time_is_nearly_out_the_rest_is_put_back_untouched(gas: Gas, stack: Stack) -> None:
    jobs = [submit(gas) for _ in range(2)]
    for job in jobs:
        gas.queues["annotation"].send(Hint(job.id, 1).body())
    event = received(stack, 2)
    answer = Container(gas).consume(event, stopping=lambda: True)
    assert [f["itemIdentifier"] for f in answer["batchItemFailures"]] == [
        record["messageId"] for record in event["Records"]
    ]
    assert [gas.service.job(job.id).attempt for job in jobs] == [0, 0]
    until(lambda: gas.queues["annotation"].depth().visible == 2)


@pytest.mark.parametrize("arn", ["", "arn:aws:sqs:eu:1:gas-nonsense", "arn:aws:sqs:eu:1:other"])
def test_a_record_of_a_queue_that_is_not_ours_fails_the_batch_with_a_sentence(
    gas: Gas, stack: Stack, arn: str
) -> None:
    gas.queues["annotation"].send(Hint(uuid4(), 1).body())
    event = received(stack, 1)
    event["Records"][0]["eventSourceARN"] = arn
    with pytest.raises(ValueError, match="no work queue of"):
        Container(gas).consume(event, stopping=lambda: False)


@pytest.fixture
def environment(tmp_path: Path, stack: Stack) -> dict[str, str]:
    """As a function's would be, but for the endpoint and the store."""
    return {
        "GAS_DATA_DIR": str(tmp_path),
        "GAS_STACK": stack.prefix,
        "GAS_AWS_ENDPOINT": stack.cloud.endpoint,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ACCESS_KEY_ID": ACCESS_KEY,
        "AWS_SECRET_ACCESS_KEY": stack.cloud.secret,
    }


@pytest.fixture
def deployed(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    container.cache_clear()
    logs = structlog.get_config()
    yield
    structlog.configure(**logs)
    container.cache_clear()


@pytest.mark.usefixtures("deployed")
def test_the_entry_point_is_built_once_from_its_environment(stack: Stack, tmp_path: Path) -> None:
    gas = a_gas(tmp_path, files=stack.files, uploads=stack.uploads)
    job = submit(gas)
    with acting("user:test"):
        gas.service.request_deletion(job.id, owner=job.owner)
    stack.queue("erasure").send(Hint(job.id, 2).body())
    event = received(stack, 1, "erasure")
    assert handler(event, Context(60_000)) == {"batchItemFailures": []}
    assert gas.service.job(job.id).deleted
    first = container()
    stack.queue("erasure").send(Hint(job.id, 2).body())
    late = handler(received(stack, 1, "erasure"), Context(9_000))
    assert len(late["batchItemFailures"]) == 1
    assert container() is first


def test_the_embedded_clouds_lambda_runs_it(
    stack: Stack, tmp_path: Path, environment: dict[str, str]
) -> None:
    """A real function behind a real mapping; it finds our code where it lies.

    The gate before the embedded cloud knows our key alone, so the role's own is not used.
    """
    gas = a_gas(tmp_path, files=stack.files, uploads=stack.uploads)
    paths = [str(HERE), *(path for path in sys.path if path.endswith("site-packages"))]
    code = f"""
import os, sys
sys.path[:0] = {paths!r}
os.environ.pop("AWS_SESSION_TOKEN", None)
os.environ.update({environment!r})
from entrypoints.lambda_handler import handler
"""
    functions = stack.aws.client("lambda")
    trusted = {
        "Effect": "Allow",
        "Principal": {"Service": "lambda.amazonaws.com"},
        "Action": "sts:AssumeRole",
    }
    work = {"Effect": "Allow", "Action": ["sqs:*", "s3:*"], "Resource": "*"}
    iam, role = stack.aws.client("iam"), f"{stack.prefix}-lambda"
    made = iam.create_role(RoleName=role, AssumeRolePolicyDocument=policy(trusted))
    iam.put_role_policy(RoleName=role, PolicyName="work", PolicyDocument=policy(work))
    name = f"{stack.prefix}-erasure"
    functions.create_function(
        FunctionName=name,
        Runtime=f"python3.{sys.version_info.minor}",
        Role=made["Role"]["Arn"],
        Handler="index.handler",
        Code={"ZipFile": zipped("index.py", code)},
        Timeout=60,
    )
    mapping = functions.create_event_source_mapping(
        EventSourceArn=arn_of(stack, "erasure"),
        FunctionName=name,
        FunctionResponseTypes=["ReportBatchItemFailures"],
    )
    try:
        job = submit(gas)
        with acting("user:test"):
            gas.service.request_deletion(job.id, owner=job.owner)
        stack.queue("erasure").send(POISON)
        stack.queue("erasure").send(Hint(job.id, 2).body())
        until(lambda: gas.service.job(job.id).deleted, seconds=60)
        until(lambda: left(stack) == [POISON])
    finally:
        functions.delete_event_source_mapping(UUID=mapping["UUID"])
        functions.delete_function(FunctionName=name)


def policy(statement: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def left(stack: Stack) -> list[str]:
    depth = stack.queue("erasure").depth()
    count = depth.visible + depth.in_flight + depth.dead
    return [POISON] * count


def zipped(name: str, text: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(name, text)
    return buffer.getvalue()


def test_the_event_is_the_one_of_the_developer_guide(gas: Gas, stack: Stack) -> None:
    """Field by field as in "Using Lambda with Amazon SQS"; a gone receipt does no harm."""
    job = submit(gas)
    event = json.loads(
        """{"Records": [{"messageId": "059f36b4-87a3-44ab-83d2-661975830a7d",
        "receiptHandle": "AQEBwJnKyrHigUMZj6rYigCgxlaS3SLy0a...", "body": "",
        "attributes": {"ApproximateReceiveCount": "1", "SentTimestamp": "1545082649183",
        "SenderId": "AIDAIENQZJOLO23YVJ4VO",
        "ApproximateFirstReceiveTimestamp": "1545082649185"},
        "messageAttributes": {}, "md5OfBody": "e4e68fb7bd0e697a0ae8f1bb342846b3",
        "eventSource": "aws:sqs", "eventSourceARN": "", "awsRegion": "us-east-2"}]}"""
    )
    event["Records"][0] |= {
        "body": Hint(job.id, 1).body(),
        "eventSourceARN": arn_of(stack, "annotation"),
    }
    assert Container(gas).consume(event, stopping=lambda: False) == {"batchItemFailures": []}
    assert gas.service.job(job.id).work == "completed"
