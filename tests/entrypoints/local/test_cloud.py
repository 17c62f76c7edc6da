"""The embedded cloud comes back from an empty folder, a clean stop and a crash."""

from __future__ import annotations

import os
import signal
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest
from botocore.exceptions import BotoCoreError, ClientError

from adapters.bus_sns import topic_arn
from adapters.cloud import Cloud
from entrypoints.local import cloud as embedded
from entrypoints.local.cloud import EmbeddedCloud
from tests.cloud import Stack

ORIGINS = ["http://127.0.0.1:8000"]


@pytest.fixture
def boot(tmp_path: Path) -> Iterator[Callable[[], EmbeddedCloud]]:
    """Start and deploy on the test's own data folder."""
    started: list[EmbeddedCloud] = []

    def boot() -> EmbeddedCloud:
        started.append(embedded.start(tmp_path / "data"))
        embedded.deploy(started[-1], "gas", origins=ORIGINS)
        return started[-1]

    yield boot
    for cloud in started:
        cloud.child.kill()


def stop(cloud: EmbeddedCloud) -> None:
    cloud.end()


def crash(cloud: EmbeddedCloud) -> None:
    os.kill(cloud.child.pid, signal.SIGKILL)
    cloud.child.process.wait()
    cloud.child.kill()


@pytest.mark.kill
@pytest.mark.parametrize("end", [stop, crash])
def test_files_survive_and_the_stack_stands_again(
    boot: Callable[[], EmbeddedCloud], end: Callable[[EmbeddedCloud], None]
) -> None:
    first = boot()
    content = os.urandom(300_000)
    first.aws.client("s3").put_object(
        Bucket="gas-files", Key="results/1/a.vcf.gz", Body=content, ContentType="application/gzip"
    )
    end(first)

    second = boot()
    s3 = second.aws.client("s3")
    answer = s3.get_object(Bucket="gas-files", Key="results/1/a.vcf.gz")
    assert (answer["Body"].read(), answer["ContentType"]) == (content, "application/gzip")
    rules = s3.get_bucket_cors(Bucket="gas-uploads")["CORSRules"]
    assert rules[0]["AllowedOrigins"] == ORIGINS
    assert s3.get_public_access_block(Bucket="gas-files")
    sns, sqs = second.aws.client("sns"), second.aws.client("sqs")
    sns.publish(
        TopicArn=topic_arn(sns, "gas-events"),
        Message="hello",
        MessageAttributes={"type": {"DataType": "String", "StringValue": "job.submitted.v1"}},
    )
    url = sqs.get_queue_url(QueueName="gas-annotation")["QueueUrl"]
    (message,) = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=2)["Messages"]
    assert message["Body"] == "hello"


def test_a_stop_ends_what_is_under_way_and_leaves_nothing_to_worry_about(
    boot: Callable[[], EmbeddedCloud],
) -> None:
    cloud = boot()
    sqs = cloud.aws.client("sqs", attempts=1)
    url = sqs.get_queue_url(QueueName="gas-annotation")["QueueUrl"]

    def poll() -> str:
        try:
            return str(sqs.receive_message(QueueUrl=url, WaitTimeSeconds=20).get("Messages"))
        except (ClientError, BotoCoreError) as error:
            return type(error).__name__

    with ThreadPoolExecutor() as pool:
        polls = [pool.submit(poll) for _ in range(6)]
        server = psutil.Process(cloud.child.pid)
        wait_until(lambda: len(established(server)) >= len(polls))
        began = time.monotonic()
        cloud.end()
        assert time.monotonic() - began < 2
        assert {each.result() for each in polls} <= {"ClientError", "ConnectionClosedError"}
    assert cloud.child.exit_code() == 0
    assert "Traceback" not in cloud.child.log.read_text()


def established(process: psutil.Process) -> list[object]:
    return [c for c in process.net_connections() if c.status == psutil.CONN_ESTABLISHED]


def wait_until(fact: Callable[[], bool]) -> None:
    give_up = time.monotonic() + 10
    while not fact():
        assert time.monotonic() < give_up
        time.sleep(0.01)


def test_nothing_is_written_outside_the_data_folder_and_nobody_else_may_read_it(
    boot: Callable[[], EmbeddedCloud], tmp_path: Path
) -> None:
    cloud = boot()
    cloud.aws.client("s3").put_object(Bucket="gas-files", Key="a", Body=b"x")
    process = psutil.Process(cloud.child.pid)
    inside = [
        Path(file.path).is_relative_to(tmp_path)
        for file in process.open_files()
        if file.mode in ("w", "a", "r+", "a+")
    ]
    assert all(inside)
    home = process.environ()
    assert Path(home["HOME"]).is_relative_to(tmp_path)
    assert Path(home["TMPDIR"]).is_relative_to(tmp_path)
    assert list((tmp_path / "data" / "cloud" / "s3").rglob("a"))
    assert (tmp_path / "data" / "cloud").stat().st_mode & 0o077 == 0


def test_it_listens_on_loopback_alone(cloud: EmbeddedCloud) -> None:
    connections = psutil.Process(cloud.child.pid).net_connections()
    listening = [c.laddr.ip for c in connections if c.status == psutil.CONN_LISTEN]
    assert listening == ["127.0.0.1"]


@pytest.mark.parametrize(
    "path", ["/_ministack/reset", "/_ministack/config", "/_localstack/state/reset", "/_aws/x"]
)
def test_its_administration_cannot_be_reached(boot: Callable[[], EmbeddedCloud], path: str) -> None:
    cloud = boot()
    cloud.aws.client("s3").put_object(Bucket="gas-files", Key="a", Body=b"x")
    with pytest.raises(urllib.error.HTTPError, match="404"):
        urllib.request.urlopen(cloud.endpoint + path, data=b"{}", timeout=5)
    assert cloud.aws.client("s3").get_object(Bucket="gas-files", Key="a")["Body"].read() == b"x"


def test_a_host_name_that_is_not_loopback_is_refused(cloud: EmbeddedCloud) -> None:
    request = urllib.request.Request(cloud.endpoint, headers={"Host": "rebound.example"})
    with pytest.raises(urllib.error.HTTPError, match="403"):
        urllib.request.urlopen(request, timeout=5)


@pytest.mark.parametrize(
    ("access_key", "secret_key"),
    [("GASLOCAL", "guessed"), ("test", "test"), ("000000000000", "test"), ("gas", "x")],
)
@pytest.mark.parametrize(
    ("service", "call"), [("s3", "list_buckets"), ("sns", "list_topics"), ("sqs", "list_queues")]
)
def test_without_this_folders_secret_nothing_is_answered(
    cloud: EmbeddedCloud, access_key: str, secret_key: str, service: str, call: str
) -> None:
    stranger = Cloud(
        cloud.endpoint, region="us-east-1", access_key=access_key, secret_key=secret_key
    )
    with pytest.raises(ClientError) as refused:
        getattr(stranger.client(service), call)()
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403


@pytest.mark.parametrize("access_key", ["GASLOCAL", "test", "000000000000"])
def test_a_link_or_form_signed_with_a_guessed_secret_is_refused(
    stack: Stack, access_key: str
) -> None:
    stack.files.put("a", b"mine")
    stranger = Cloud(
        stack.cloud.endpoint, region="us-east-1", access_key=access_key, secret_key="guessed"
    ).client("s3")
    params = {"Bucket": stack.files.bucket, "Key": "a"}
    link = stranger.generate_presigned_url("get_object", Params=params)
    with pytest.raises(urllib.error.HTTPError, match="403"):
        urllib.request.urlopen(link, timeout=5)
    both = link + "&AWSAccessKeyId=GASLOCAL"
    with pytest.raises(urllib.error.HTTPError, match="403"):
        urllib.request.urlopen(both, timeout=5)


def test_a_taken_port_is_refused_with_what_the_cloud_said(
    cloud: EmbeddedCloud, tmp_path: Path
) -> None:
    taken = cloud.port
    with pytest.raises(embedded.CloudFailed, match="in use"):
        embedded.start(tmp_path / "other", port=taken)
