"""`gas up` with tiny programs in the place of web and work."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

import psutil
import pytest

from adapters.billing_stripe import StripeBilling
from adapters.cloud import Cloud
from entrypoints.local.cloud import free_port
from entrypoints.local.data_folder import DataFolder, FolderTaken

# what `gas up` is to this service, with two programs that note their ids
UP = """
import sys
from pathlib import Path
from domain.errors import DomainError
from entrypoints.local.supervisor import LocalService, up
data, port, web, work = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4]
try:
    up(LocalService(data, port, "gas", {
        "web": [sys.executable, "-c", web], "work": [sys.executable, "-c", work]}))
except DomainError as error:
    sys.exit(str(error))
"""
NOTE = """
import os, signal, sys, time
def note(name):
    with open(os.path.join(os.environ["GAS_DATA_DIR"], name), "a") as out:
        out.write(f"{os.getpid()}\\n")
"""
WEB = (
    NOTE
    + """
from http.server import BaseHTTPRequestHandler, HTTPServer
note("web.pids")
class Ready(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == "/readyz" else 404)
        self.end_headers()
    def log_message(self, *args): pass
HTTPServer(("127.0.0.1", int(os.environ["GAS_PORT"])), Ready).serve_forever()
"""
)
WORK = NOTE + 'note("work.pids"); time.sleep(600)'
STUBBORN = (
    NOTE + 'signal.signal(signal.SIGTERM, signal.SIG_IGN); note("work.pids"); time.sleep(600)'
)
FAILING = "import sys; sys.exit('the disk is on fire')"


class Up:
    """One `gas up` in a process of its own."""

    def __init__(self, data: Path, web: str = WEB, work: str = WORK, port: int = 0) -> None:
        self.data = data
        self.port = port or free_port()
        argv = [sys.executable, "-c", UP, str(data), str(self.port), web, work]
        self.process = subprocess.Popen(
            argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def until_ready(self) -> Up:
        assert self.process.stdout
        lines = [self.process.stdout.readline().strip() for _ in range(2)]
        assert lines == [f"http://127.0.0.1:{self.port}", "ready"], self.process.communicate()
        return self

    def pids(self, name: str, count: int = 1) -> list[int]:
        """The ids a program noted, once there are so many."""
        path = self.data / f"{name}.pids"
        wait_for(lambda: path.exists() and len(path.read_text().split()) >= count)
        return [int(word) for word in path.read_text().split()]

    def family(self) -> list[psutil.Process]:
        itself = psutil.Process(self.process.pid)
        return [itself, *itself.children(recursive=True)]

    def running(self) -> dict[str, str]:
        environment: dict[str, str] = json.loads((self.data / "run.json").read_text())[
            "environment"
        ]
        return environment


def wait_for(fact: Callable[[], bool], seconds: float = 15.0) -> None:
    until = time.monotonic() + seconds
    while not fact():
        assert time.monotonic() < until, "it did not happen in time"
        time.sleep(0.05)


def alive(process: psutil.Process) -> bool:
    with suppress(psutil.NoSuchProcess):
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False


@pytest.fixture
def up(tmp_path: Path) -> Iterator[Callable[..., Up]]:
    started: list[Up] = []

    def up(**changed: object) -> Up:
        data = changed.pop("data", tmp_path / "data")
        started.append(Up(data, **changed))  # type: ignore[arg-type]
        return started[-1]

    yield up
    for each in started:
        each.process.kill()
        each.process.communicate()


def test_it_is_ready_with_everything_behind_it_and_gone_within_ten_seconds(
    up: Callable[..., Up],
) -> None:
    service = up().until_ready()
    family = service.family()
    globus = service.running()["GAS_GLOBUS_URL"]
    with urllib.request.urlopen(f"{globus}/healthz", timeout=5) as answer:
        assert answer.status == 200
    begin = time.monotonic()
    service.process.send_signal(signal.SIGTERM)
    assert service.process.wait(10) == 0
    assert time.monotonic() - begin < 10
    wait_for(lambda: not any(alive(process) for process in family), 2)
    assert not (service.data / "run.json").exists()


def test_a_child_that_will_not_stop_does_not_hold_it_longer(up: Callable[..., Up]) -> None:
    service = up(work=STUBBORN).until_ready()
    service.pids("work")
    family = service.family()
    begin = time.monotonic()
    service.process.send_signal(signal.SIGINT)
    assert service.process.wait(10) == 0
    assert time.monotonic() - begin < 10
    wait_for(lambda: not any(alive(process) for process in family), 2)


@pytest.mark.kill
def test_killing_it_leaves_no_process(up: Callable[..., Up]) -> None:
    service = up(work=STUBBORN).until_ready()
    family = service.family()
    assert len(family) >= 9  # itself, four children, four watchers
    os.kill(service.process.pid, signal.SIGKILL)
    service.process.wait()
    wait_for(lambda: not any(alive(process) for process in family))


@pytest.mark.kill
def test_it_starts_again_after_it_was_killed(up: Callable[..., Up]) -> None:
    first = up().until_ready()
    (web,) = first.pids("web")
    os.kill(first.process.pid, signal.SIGKILL)
    first.process.wait()
    wait_for(lambda: not psutil.pid_exists(web))
    second = up(port=first.port).until_ready()
    before, after = second.pids("web", 2)
    assert (before, psutil.pid_exists(after)) == (web, True)


@pytest.mark.kill
@pytest.mark.parametrize("name", ["web", "work"])
def test_a_killed_child_is_started_again(up: Callable[..., Up], name: str) -> None:
    service = up().until_ready()
    (first,) = service.pids(name)
    os.kill(first, signal.SIGKILL)
    assert len(set(service.pids(name, 2))) == 2


@pytest.mark.kill
def test_a_killed_cloud_comes_back_at_its_address_with_its_files(up: Callable[..., Up]) -> None:
    service = up().until_ready()
    settings = service.running()
    s3 = Cloud(
        settings["AWS_ENDPOINT_URL"],
        region=settings["AWS_DEFAULT_REGION"],
        access_key=settings["AWS_ACCESS_KEY_ID"],
        secret_key=settings["AWS_SECRET_ACCESS_KEY"],
    ).client("s3")
    s3.put_object(Bucket="gas-files", Key="a", Body=b"kept")
    (embedded,) = [p for p in service.family() if "entrypoints.local.embedded" in p.cmdline()]
    embedded.kill()

    def kept() -> bool:
        with suppress(Exception):
            return bool(s3.get_object(Bucket="gas-files", Key="a")["Body"].read() == b"kept")
        return False

    wait_for(lambda: not alive(embedded))
    wait_for(kept)


def test_the_stand_ins_answer_and_speak_to_the_cloud(up: Callable[..., Up]) -> None:
    settings = up().until_ready().running()
    keys = {
        "region": settings["AWS_DEFAULT_REGION"],
        "access_key": settings["AWS_ACCESS_KEY_ID"],
        "secret_key": settings["AWS_SECRET_ACCESS_KEY"],
    }
    aws = Cloud(settings["AWS_ENDPOINT_URL"], **keys)
    sns, sqs = aws.client("sns"), aws.client("sqs")
    topic = sns.create_topic(Name="retrievals")["TopicArn"]
    queue = sqs.create_queue(QueueName="retrievals")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]
    allow = {"Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": policy})
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn["QueueArn"])
    vault = Cloud(settings["GAS_VAULT_URL"], **keys).client("glacier")
    vault.create_vault(vaultName="results")
    archive = vault.upload_archive(vaultName="results", body=b"data")["archiveId"]
    wanted = {"Type": "archive-retrieval", "ArchiveId": archive, "Tier": "Expedited"}
    job = vault.initiate_job(vaultName="results", jobParameters=wanted | {"SNSTopic": topic})
    (message,) = sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=20)["Messages"]
    assert job["jobId"] in message["Body"]

    billing = StripeBilling(
        settings["GAS_STRIPE_KEY"],
        price=settings["GAS_STRIPE_PRICE"],
        webhook_secrets=(settings["GAS_STRIPE_WEBHOOK_SECRET"],),
        base_url=settings["GAS_STRIPE_URL"],
    )
    assert billing.customer(uuid4(), name="R", email="r@example.org").startswith("cus_")


def test_a_second_one_on_the_same_folder_is_refused_with_a_sentence(up: Callable[..., Up]) -> None:
    first = up().until_ready()
    second = up()
    out, err = second.process.communicate(timeout=10)
    assert second.process.returncode == 1
    assert out == ""
    assert f"Another `gas up` (process {first.process.pid}) is using" in err
    assert "GAS_DATA_DIR" in err


def test_two_services_run_side_by_side(up: Callable[..., Up], tmp_path: Path) -> None:
    first, second = up(), up(data=tmp_path / "other")
    ports = {each.until_ready().running()["AWS_ENDPOINT_URL"] for each in (first, second)}
    assert len(ports) == 2


def test_a_taken_port_is_refused_with_a_sentence(up: Callable[..., Up], tmp_path: Path) -> None:
    first = up().until_ready()
    second = up(data=tmp_path / "other", port=first.port)
    _, err = second.process.communicate(timeout=10)
    assert f"Port {first.port} cannot be used" in err
    assert "GAS_PORT" in err


def test_a_child_that_cannot_start_shows_why_and_ends_it(up: Callable[..., Up]) -> None:
    service = up(web=FAILING)
    out, err = service.process.communicate(timeout=30)
    assert service.process.returncode == 1
    assert "ready" not in out
    assert "the disk is on fire" in err
    assert "web does not start" in err


def test_stopping_before_it_is_ready_is_clean(up: Callable[..., Up]) -> None:
    service = up(web=WORK)
    service.pids("work")
    family = service.family()
    service.process.send_signal(signal.SIGTERM)
    assert service.process.wait(10) == 0
    wait_for(lambda: not any(alive(process) for process in family), 2)


def test_the_children_get_our_cloud_and_not_the_developers(
    up: Callable[..., Up], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "production")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "real")
    service = up().until_ready()
    environment = psutil.Process(service.pids("work")[0]).environ()
    assert "AWS_PROFILE" not in environment
    assert "AWS_SESSION_TOKEN" not in environment
    assert environment["AWS_ENDPOINT_URL"].startswith("http://127.0.0.1:")
    assert environment["GAS_LOCAL"] == "true"
    assert (service.data / "run.json").stat().st_mode & 0o077 == 0


# --- the data folder -----------------------------------------------------------------------------


def test_a_folder_is_held_until_it_is_let_go(tmp_path: Path) -> None:
    def take() -> None:
        with DataFolder(tmp_path).locked():
            pass

    with DataFolder(tmp_path).locked(), pytest.raises(FolderTaken, match=str(os.getpid())):
        take()
    take()


def test_a_secret_stays_and_is_for_its_owner_alone(tmp_path: Path) -> None:
    secret = DataFolder(tmp_path / "new").secret("x")
    assert len(secret) >= 32
    assert DataFolder(tmp_path / "new").secret("x") == secret
    assert (tmp_path / "new" / "secrets" / "x").stat().st_mode & 0o077 == 0
    assert (tmp_path / "new").stat().st_mode & 0o077 == 0


def test_a_log_that_has_grown_too_long_is_put_aside(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path)
    folder.log("web").write_bytes(b"x" * (5 * 2**20 + 1))
    assert not folder.log("web").exists()
    assert (tmp_path / "logs" / "web.log.1").stat().st_size > 5 * 2**20
