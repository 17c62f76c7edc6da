"""Recorders from environment variables, as the library's other persistence modules do it."""

from __future__ import annotations

import time
from typing import Any, TypeVar

from eventsourcing.persistence import (
    AggregateRecorder,
    ApplicationRecorder,
    InfrastructureFactory,
    ProcessRecorder,
)
from eventsourcing.utils import Environment, EnvType, resolve_topic, strtobool

from .committer import Committer
from .log import SlotLog
from .recorders import (
    DynamoDBAggregateRecorder,
    DynamoDBApplicationRecorder,
    DynamoDBProcessRecorder,
    DynamoDBTrackingRecorder,
)
from .table import PerProcess, Table

T = TypeVar("T")
AWS = {  # an argument of the client: the variables that set it, the first one counts
    "endpoint_url": ("DYNAMODB_ENDPOINT_URL", "AWS_ENDPOINT_URL_DYNAMODB", "AWS_ENDPOINT_URL"),
    "region_name": ("AWS_REGION", "AWS_DEFAULT_REGION"),
    "aws_access_key_id": ("AWS_ACCESS_KEY_ID",),
    "aws_secret_access_key": ("AWS_SECRET_ACCESS_KEY",),
    "aws_session_token": ("AWS_SESSION_TOKEN",),
}


class DynamoDBFactory(InfrastructureFactory[DynamoDBTrackingRecorder]):
    """``PERSISTENCE_MODULE=adapters.event_store_dynamodb``; the README lists the variables.

    Nothing is connected and no thread is started before the first use. Raises `OSError` for a
    variable that is missing or makes no sense.
    """

    clock = staticmethod(time.time)

    def __init__(self, env: Environment | EnvType | None) -> None:
        super().__init__(env)
        name = self.env.get("DYNAMODB_TABLE")
        if not name:
            keys = " or ".join(self.env.create_keys("DYNAMODB_TABLE"))
            raise OSError(f"set {keys} to the name of the DynamoDB table that holds the events")
        self.app = self.env.name or "app"
        if "#" in self.app:
            raise OSError(f"the application's name {self.app!r} must not contain '#'")
        self.table = Table(name, self.make_client, self._number("DYNAMODB_TIMEOUT", 30))
        bucket = round(self._number("DYNAMODB_BUCKET", 2**20))
        self.log = SlotLog(self.table, self.app, bucket, self.clock)
        self.committers = PerProcess(lambda: Committer(self.table, self.log))

    def _number(self, key: str, default: float) -> float:
        text = (self.env.get(key) or "").strip() or str(default)
        try:
            value = float(text)
        except ValueError:
            value = 0
        if not value > 0:
            raise OSError(f"{key} must be a number above 0, not {text!r}")
        return value

    def make_client(self) -> Any:
        """A boto3 client; AWS's own variables are honoured, from the environment given first."""
        import boto3
        from botocore.config import Config

        config = Config(
            retries={"total_max_attempts": 1},  # every repetition is ours, with one commit id
            connect_timeout=3,
            read_timeout=10,
            max_pool_connections=50,
            tcp_keepalive=True,
        )
        given = {a: next(filter(None, map(self.env.get, keys)), None) for a, keys in AWS.items()}
        session: Any = boto3.session.Session()
        return session.client("dynamodb", config=config, **given)

    def aggregate_recorder(self, purpose: str = "events") -> AggregateRecorder:
        """A recorder without a log, for snapshots; each purpose has its own keys."""
        prefix = "S" if purpose == "snapshots" else f"A.{purpose}"
        return self._class("", DynamoDBAggregateRecorder)(self.table, f"{prefix}#{self.app}#")

    def application_recorder(self) -> ApplicationRecorder:
        """The streams and log of this application (``APPLICATION_RECORDER_TOPIC``)."""
        cls = self._class(self.APPLICATION_RECORDER_TOPIC, DynamoDBApplicationRecorder)
        return cls(self.table, self.app, self.log, self.committers)

    def tracking_recorder(
        self, tracking_recorder_class: type[DynamoDBTrackingRecorder] | None = None
    ) -> DynamoDBTrackingRecorder:
        """A tracking recorder or view of the class given, or of ``TRACKING_RECORDER_TOPIC``."""
        cls = self._class(self.TRACKING_RECORDER_TOPIC, DynamoDBTrackingRecorder)
        return (tracking_recorder_class or cls)(self.table, self.app)

    def process_recorder(self) -> ProcessRecorder:
        """Events and tracking together (``PROCESS_RECORDER_TOPIC``)."""
        cls = self._class(self.PROCESS_RECORDER_TOPIC, DynamoDBProcessRecorder)
        return cls(self.table, self.app, self.log, self.committers)

    def _class(self, key: str, default: type[T]) -> type[T]:
        """The class that a variable names, once the table is there."""
        if strtobool(self.env.get("CREATE_TABLE") or "yes"):
            self.table.ensure()
        topic = self.env.get(key) if key else None
        return resolve_topic(topic) if topic else default

    def close(self) -> None:
        """Fail every waiting caller with `Closed`, end the thread."""
        self.table.close()
        self.committers.get().close()
