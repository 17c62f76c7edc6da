"""The embedded cloud: MiniStack in a child process, deployed from AWS's own template.

Only the bytes of S3 objects survive its end; the stack, bucket settings and everything in queues
are gone, after a clean stop as after ``kill -9``. So every start deploys again, in three steps that
work on an empty folder, after a clean stop and after a crash:

1. a change set of type CREATE imports the buckets found in the data folder and creates the rest;
   for that their names must be literal in the template's text;
2. it is executed;
3. an update with another value of ``Boot`` changes a tag on each bucket, because an import does
   not apply properties and a changed property does.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import socket
import sys
import time
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from adapters.cloud import Cloud
from domain.errors import DomainError
from entrypoints.local import children
from entrypoints.local.data_folder import DataFolder

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_cloudformation.type_defs import ParameterTypeDef

TEMPLATE = Path(__file__).parent.parent / "aws" / "template.yaml"
REGION = "us-east-1"
SENDER = "gas@localhost"
ACCESS_KEY = "GASLOCAL"
BUCKET_NAME = re.compile(r'!Sub "\$\{Prefix\}(-[a-z]+)"(?=\n)')
START_SECONDS = 30.0
# Things MiniStack would otherwise do: bind more ports, write to the home and temporary folders.
QUIET = {
    "BIND_HOST": "127.0.0.1",
    "MINISTACK_HOST": "127.0.0.1",
    "AUTH": "true",
    "PERSIST_STATE": "0",
    "S3_PERSIST": "1",
    "LAMBDA_EXECUTOR": "local",
    "IOT_MTLS_ENABLED": "0",
    "SFTP_ENABLED": "0",
    "LOG_LEVEL": "WARNING",
    "DOCKER_HOST": "unix:///nonexistent",
    "PYTHONUNBUFFERED": "1",
}


class CloudFailed(DomainError):
    """The embedded cloud did not start or refused the template; the sentence says why."""

    code = "cloud_failed"


def mailbox_url(port: int, ready_path: str) -> str:
    """Where ``read_mails`` finds the mails of a cloud."""
    return f"http://127.0.0.1:{port}{ready_path}/mails"


def read_mails(url: str) -> list[dict[str, Any]]:
    """What SES was given since the start, oldest first, in MiniStack's words."""
    with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310
        by_account: dict[str, list[dict[str, Any]]] = json.load(answer)["messages"]
    return [mail for mails in by_account.values() for mail in mails]


def environment(data: Path, port: int) -> dict[str, str]:
    """For processes that shall use this folder's cloud at a port: ours, and any AWS tool."""
    endpoint = f"http://127.0.0.1:{port}"
    return {
        "GAS_AWS_ENDPOINT": endpoint,
        "GAS_MAIL_FROM": SENDER,
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": ACCESS_KEY,
        "AWS_SECRET_ACCESS_KEY": DataFolder(data).secret("cloud"),
        "AWS_DEFAULT_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
        # a developer's own profile must not colour ours
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    }


@dataclass(frozen=True, slots=True)
class EmbeddedCloud:
    """A running embedded cloud."""

    child: children.Child
    port: int
    secret: str
    ready_path: str
    aws: Cloud

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def clients(self) -> Cloud:
        """New clients of it, which nobody shares."""
        return _clients(self.port, self.secret)

    def mails(self) -> list[dict[str, Any]]:
        """What SES was given since the start, oldest first, in MiniStack's words."""
        return read_mails(mailbox_url(self.port, self.ready_path))

    def end(self) -> None:
        self.child.end(patience=3.0)


def start(data: Path, *, port: int | None = None, ready_path: str = "") -> EmbeddedCloud:
    """Start an embedded cloud that keeps its objects in ``data`` and answers; ``CloudFailed``.

    Everything it writes is inside ``data``; its secret too, readable by the owner alone, so other
    users of this machine can do nothing with the port. ``ready_path`` is one of ``new_ready_path``
    for who must know it before.
    """
    for _ in range(3):
        chosen = port or free_port()
        cloud = _launch(data, chosen, ready_path or new_ready_path())
        cloud.aws.client("cloudformation")  # takes its time, so while the child starts
        if _answers(cloud):
            return cloud
        lines = cloud.child.last_lines()
        cloud.end()
        if port is not None or "already in use" not in lines.lower():
            break
    raise CloudFailed(f"The embedded cloud did not start on port {chosen}. It said:\n{lines}")


def deploy(
    cloud: EmbeddedCloud, prefix: str, *, origins: Sequence[str], store: str = "sqlite"
) -> None:
    """Make the template's topic, queues and buckets; see the module for the procedure."""
    formation: CloudFormationClient = cloud.aws.client("cloudformation")
    body = BUCKET_NAME.sub(rf'"{prefix}\1"', TEMPLATE.read_text())
    values = {
        "Prefix": prefix,
        "Place": "local",
        "Origins": ",".join(origins),
        "Sender": SENDER,
    }
    formation.create_change_set(
        StackName=prefix,
        ChangeSetName="boot",
        ChangeSetType="CREATE",
        TemplateBody=body,
        Parameters=_parameters(values | {"Boot": "0"}),
        Capabilities=["CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"],
        ImportExistingResources=True,
        DisableValidation=True,
    )
    _await(
        lambda: formation.describe_change_set(StackName=prefix, ChangeSetName="boot"),
        status="Status",
        good="CREATE_COMPLETE",
    )
    formation.execute_change_set(StackName=prefix, ChangeSetName="boot")
    _await_stack(formation, prefix, "CREATE_COMPLETE")
    formation.update_stack(
        StackName=prefix,
        TemplateBody=body,
        Parameters=_parameters(values | {"Boot": secrets.token_hex(4)}),
        Capabilities=["CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"],
    )
    _await_stack(formation, prefix, "UPDATE_COMPLETE")


def free_port() -> int:
    """A port that nobody on loopback uses at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def new_ready_path() -> str:
    """A path nobody can guess, where a cloud says that it is ready, and shows its mails."""
    return f"/_ready/{secrets.token_hex(16)}"


def _launch(data: Path, port: int, ready_path: str) -> EmbeddedCloud:
    folder = DataFolder(data)
    home = folder.path / "cloud"
    for inner in (home, home / "s3", home / "tmp"):
        inner.mkdir(exist_ok=True, mode=0o700)
    secret = folder.secret("cloud")
    variables = {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(home),
        "TMPDIR": str(home / "tmp"),
        "STATE_DIR": str(home / "state"),
        "S3_DATA_DIR": str(home / "s3"),
        "GATEWAY_PORT": str(port),
        "GAS_READY_PATH": ready_path,
        "GAS_ACCESS_KEY": ACCESS_KEY,
        "GAS_SECRET_KEY": secret,
        "MINISTACK_REGION": REGION,
        **QUIET,
    }
    argv = [sys.executable, "-P", "-m", "entrypoints.local.embedded"]
    child = children.start(argv, variables, log=folder.log("cloud"))
    return EmbeddedCloud(child, port, secret, ready_path, aws=_clients(port, secret))


def _clients(port: int, secret: str) -> Cloud:
    return Cloud(
        f"http://127.0.0.1:{port}", region=REGION, access_key=ACCESS_KEY, secret_key=secret
    )


def _answers(cloud: EmbeddedCloud) -> bool:
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until and cloud.child.exit_code() is None:
        try:
            with urllib.request.urlopen(cloud.endpoint + cloud.ready_path, timeout=5):  # noqa: S310
                return True
        except OSError:
            time.sleep(0.02)
    return False


def _parameters(values: dict[str, str]) -> list[ParameterTypeDef]:
    return [{"ParameterKey": key, "ParameterValue": value} for key, value in values.items()]


def _await_stack(formation: CloudFormationClient, name: str, good: str) -> None:
    _await(
        lambda: formation.describe_stacks(StackName=name)["Stacks"][0],
        status="StackStatus",
        good=good,
    )


def _await(describe: Callable[[], Mapping[str, Any]], *, status: str, good: str) -> None:
    """Ask every 10 ms (boto's waiters: every 5 s) until it is no longer in progress."""
    until = time.monotonic() + START_SECONDS
    while (answer := describe())[status].endswith(("_IN_PROGRESS", "_PENDING")):
        if time.monotonic() > until:
            raise CloudFailed(f"The embedded cloud is still at {answer[status]}.")
        time.sleep(0.01)
    if answer[status] != good:
        reason = answer.get("StatusReason") or answer.get("StackStatusReason") or "no reason given"
        raise CloudFailed(f"The embedded cloud refused the template ({answer[status]}): {reason}")
