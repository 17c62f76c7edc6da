"""Builders: events, factories and recorders for the tests of this folder."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any
from uuid import UUID, uuid4

from eventsourcing.persistence import InfrastructureFactory, StoredEvent
from eventsourcing.utils import Environment

from adapters.event_store_dynamodb import DynamoDBFactory
from adapters.event_store_dynamodb.recorders import (
    DynamoDBApplicationRecorder,
    DynamoDBProcessRecorder,
)
from entrypoints.local.cloud import ACCESS_KEY, EmbeddedCloud

CREDENTIALS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION")


def settings_for(cloud: EmbeddedCloud) -> dict[str, str]:
    """What a project sets to use the module on this cloud, on a table nobody else has."""
    return {
        "PERSISTENCE_MODULE": "adapters.event_store_dynamodb",
        "DYNAMODB_TABLE": f"events-{uuid4().hex}",
        "DYNAMODB_ENDPOINT_URL": cloud.endpoint,
        "DYNAMODB_BUCKET": "512",  # the embedded cloud's queries slow down with the partition
        **dict(zip(CREDENTIALS, (ACCESS_KEY, cloud.secret, "us-east-1"), strict=True)),
    }


def event(
    originator: UUID | str, version: int, state: bytes = b'{"n":1}', topic: str = "topic"
) -> StoredEvent:
    return StoredEvent(originator, version, topic, state)


def stream(count: int, *, first: int = 1, state: bytes = b'{"n":1}') -> list[StoredEvent]:
    """``count`` events of a new originator."""
    originator = uuid4()
    return [event(originator, first + i, state) for i in range(count)]


def a_factory(env: Mapping[str, str], name: str = "app", **more: str) -> DynamoDBFactory:
    factory = InfrastructureFactory.construct(Environment(name, {**env, **more}))
    assert isinstance(factory, DynamoDBFactory)
    return factory


class SharingFactory(DynamoDBFactory):
    """A factory on a client that exists; making one takes 50 ms."""

    def __init__(self, env: Environment, client: Any) -> None:
        self._client = client
        super().__init__(env)

    def make_client(self) -> Any:
        return self._client


def a_recorder(factory: DynamoDBFactory) -> DynamoDBApplicationRecorder:
    recorder = factory.application_recorder()
    assert isinstance(recorder, DynamoDBApplicationRecorder)
    return recorder


def a_process_recorder(factory: DynamoDBFactory) -> DynamoDBProcessRecorder:
    recorder = factory.process_recorder()
    assert isinstance(recorder, DynamoDBProcessRecorder)
    return recorder


class ScriptedClient:
    """Does what a script says before or instead of the next requests of an operation.

    ``script[operation]`` is a list of callables taking (client, request); each is used once and
    answers in place of the client.
    """

    def __init__(self, client: Any) -> None:
        self.client = client
        self.script: dict[str, list[Any]] = {}
        self.requests: list[tuple[str, dict[str, Any]]] = []

    def __getattr__(self, name: str) -> Any:
        def call(**request: Any) -> Any:
            self.requests.append((name, request))
            if steps := self.script.get(name):
                return steps.pop(0)(self.client, request)
            return getattr(self.client, name)(**request)

        if name in {"get_waiter", "meta", "exceptions", "close"}:
            return getattr(self.client, name)
        return call


class ScriptedFactory(DynamoDBFactory):
    """A factory whose client, clock and table can be told what to do."""

    scripted: ScriptedClient
    seconds_wrong = 0.0

    def __init__(self, env: Any) -> None:
        self.clock = lambda: time.time() + self.seconds_wrong
        super().__init__(env)

    def make_client(self) -> Any:
        self.scripted = ScriptedClient(super().make_client())
        return self.scripted


def scripted(env: Mapping[str, str], name: str = "app", **more: str) -> ScriptedFactory:
    """A factory whose client exists already, so that a script can be put in."""
    factory = ScriptedFactory(Environment(name, {**env, **more}))
    assert factory.table.client
    return factory
