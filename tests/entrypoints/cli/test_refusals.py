"""What `gas` says when something is not as it should be: a sentence, and the right exit code."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from uuid import uuid4

import pytest

from entrypoints.cli import COMMANDS
from entrypoints.local.cloud import ACCESS_KEY, REGION, EmbeddedCloud, free_port
from entrypoints.local.data_folder import RUN_FILE
from entrypoints.local_user import token_file
from tests.entrypoints.cli.conftest import Call, Running
from tests.entrypoints.running import somebody


@pytest.fixture
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder where nothing runs."""
    for name in ("GAS_URL", "GAS_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("GAS_DATA_DIR", str(tmp_path / "empty"))
    return tmp_path


@pytest.mark.parametrize(
    "arguments",
    [
        *[("jobs",), ("show", "x"), ("events",), ("token", "list"), ("rebuild",)],
        *[("delete", "x", "-y"), ("check",), ("backup", "a.tar")],
    ],
)
def test_without_a_service_every_command_says_what_to_do(
    nowhere: Path, gas_command: Call, arguments: tuple[str, ...]
) -> None:
    said = gas_command(*arguments)
    assert said.code == 1
    assert "make run" in said.err
    assert "Traceback" not in said.err
    assert not (nowhere / "empty").exists()


def test_queues_without_a_service_say_what_to_do(
    nowhere: Path, gas_command: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    said = gas_command("queues")
    assert said.code == 1
    assert "make run" in said.err


def test_pushes_on_one_machine_are_refused_at_start(
    nowhere: Path, gas_command: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GAS_CONSUMERS", "push")
    said = gas_command("up")
    assert said.code == 1
    assert "does not sign" in said.err
    assert "set it to poll" in said.err
    assert not (nowhere / "empty").exists()


def test_a_service_that_died_is_a_sentence(
    nowhere: Path, gas_command: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GAS_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("GAS_TOKEN", "gas_x")
    said = gas_command("jobs")
    assert said.code == 1
    assert "http://127.0.0.1:9 does not answer" in said.err
    assert "gas_x" not in said.err


@pytest.fixture
def in_aws(nowhere: Path, cloud: EmbeddedCloud, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Settings for AWS, where nothing of ours has been made."""
    monkeypatch.setenv("GAS_STORE", "dynamodb")
    monkeypatch.setenv("AWS_REGION", REGION)
    monkeypatch.setenv("AWS_ENDPOINT_URL", cloud.endpoint)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", ACCESS_KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", cloud.secret)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    return nowhere


@pytest.mark.parametrize("what", ["tables", "credentials"])
def test_an_aws_that_is_not_set_up_is_a_sentence_and_leaves_no_file(
    in_aws: Path, gas_command: Call, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    if what == "credentials":
        monkeypatch.delenv("AWS_ACCESS_KEY_ID")
        monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
        monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
    else:
        monkeypatch.setenv("GAS_STACK", "never-made")
    said = gas_command("backup", in_aws / "a.tar")
    assert (said.code, said.out) == (1, "")
    expected = "never-made-log" if what == "tables" else "Set AWS_REGION and credentials"
    assert expected in said.err
    assert said.err.count("\n") == 1
    assert list(in_aws.glob("*.tar*")) == []


def test_a_cloud_that_is_away_is_a_sentence(idle: Running, gas_command: Call) -> None:
    run_file = idle.gas.settings.data_dir / RUN_FILE
    running = json.loads(run_file.read_text())
    running["environment"]["GAS_AWS_ENDPOINT"] = f"http://127.0.0.1:{free_port()}"
    run_file.write_text(json.dumps(running))
    said = gas_command("queues")
    assert (said.code, said.out) == (1, "")
    assert said.err.startswith("gas: A part of the service does not answer")
    assert said.err.count("\n") == 1


def test_a_token_that_is_refused_is_a_sentence(
    idle: Running, gas_command: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GAS_TOKEN", "gas_wrong")
    said = gas_command("jobs")
    assert said.code == 1
    assert "not known" in said.err


def test_unknown_and_foreign_jobs_are_the_same_sentence(
    idle: Running, gas_command: Call, one_vcf: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = gas_command("submit", one_vcf, "-r", "sars-cov-2").lines[0]
    monkeypatch.setenv("GAS_TOKEN", somebody(idle.gas, "bob").token)
    for command in ("show", "log", "download", "cancel", "history"):
        foreign, unknown = gas_command(command, job), gas_command(command, uuid4())
        assert (foreign.code, unknown.code) == (1, 1)
        assert foreign.err.startswith("gas: There is no job")
        assert unknown.err.startswith("gas: There is no job")
    assert gas_command("delete", job, "--yes").code == 1
    assert gas_command("show", "../../etc/passwd").err.startswith("gas: There is n")


def test_an_unknown_reference_is_refused_before_anything_is_sent(
    idle: Running, gas_command: Call, one_vcf: Path
) -> None:
    said = gas_command("submit", one_vcf, "--reference", "hg99")
    assert said.code == 1
    assert "sars-cov-2" in said.err
    user = idle.gas.people.by_token(token_file(idle.gas.settings).read_text().strip()).user
    assert list(idle.gas.uploads.list(f"uploads/{user}/")) == []


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b"not a vcf\n", "Line 1"),
        (b"\x00\x01\x02" * 50, ""),
        (b"\x1f\x8b\x08\x00truncated", ""),
        (b"#" * 153_601, "153,600"),
    ],
)
def test_a_bad_file_is_a_sentence(
    idle: Running, gas_command: Call, tmp_path: Path, content: bytes, words: str
) -> None:
    path = tmp_path / "bad.vcf"
    path.write_bytes(content)
    said = gas_command("submit", path, "--reference", "sars-cov-2")
    assert said.code == 1, said.out
    assert words in said.err
    assert len(said.err) > 20
    assert gas_command("jobs", "--json").json == []


@pytest.mark.parametrize(
    "arguments",
    [
        ("submit", "/no/such/file", "--reference", "r"),
        ("submit", "/etc", "--reference", "r"),
        ("submit",),
        ("jobs", "--limit", "0"),
        ("events", "--after", "-1"),
        ("nonsense",),
        ("worker", "nonsense"),
        ("token", "create", "--scope", "everything"),
    ],
)
def test_wrong_usage_is_exit_2(gas_command: Call, arguments: tuple[str, ...]) -> None:
    said = gas_command(*arguments)
    assert said.code == 2
    assert "Traceback" not in said.err


def test_a_mistyped_command_is_guessed(gas_command: Call) -> None:
    assert "Did you mean submit?" in gas_command("sumbit").err


def test_a_wrong_setting_is_a_sentence(gas_command: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GAS_PORT", "many")
    said = gas_command("settings")
    assert said.code == 1
    assert "GAS_PORT" in said.err


def test_an_output_that_cannot_be_written_is_a_sentence(
    service: Running, gas_command: Call, one_vcf: Path
) -> None:
    job = gas_command("submit", one_vcf, "-r", "sars-cov-2", "--wait").lines[0]
    said = gas_command("download", job, "--output", "/proc/nothing/here.vcf.gz")
    assert said.code == 1
    assert "cannot be written" in said.err


def test_a_pipe_that_closes_is_quiet(idle: Running) -> None:
    command = f"{sys.executable} -m entrypoints events | head -c 1"
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False)
    assert done.stderr == ""


def test_ctrl_c_is_quiet(idle: Running) -> None:
    import signal

    follower = subprocess.Popen(
        [sys.executable, "-m", "entrypoints", "events", "--follow"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert follower.stdout is not None
    assert follower.stdout.readline().startswith("{")
    follower.send_signal(signal.SIGINT)
    _, err = follower.communicate(timeout=10)
    assert (follower.returncode, err.strip()) == (130, "")


def test_help_is_there_at_once() -> None:
    took = []
    for _ in range(3):
        began = time.monotonic()
        done = subprocess.run(
            [sys.executable, "-m", "entrypoints", "--help"],
            capture_output=True,
            text=True,
            check=True,
        )
        took.append(time.monotonic() - began)
    assert all(name in done.stdout for name in COMMANDS)
    assert min(took) < 1.0  # 0.07 s alone; shared machines need room


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help(gas_command: Call, name: str) -> None:
    said = gas_command(name, "--help")
    assert said.code == 0
    assert "Usage: gas" in said.out


def test_a_local_user_is_never_made_on_aws(
    nowhere: Path, gas_command: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GAS_STORE", "dynamodb")
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    monkeypatch.delenv("GAS_LOCAL", raising=False)
    said = gas_command("token", "create")
    assert said.code == 1
    assert "pages" in said.err
