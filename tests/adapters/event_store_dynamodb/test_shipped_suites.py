"""The library's own test cases, over HTTP against the embedded cloud, plain and with faults."""

from __future__ import annotations

from typing import Any, ClassVar
from unittest import TestCase

import pytest
from eventsourcing.persistence import AggregateRecorder, InfrastructureFactory, Tracking
from eventsourcing.tests import application as application_suites
from eventsourcing.tests import persistence as suites
from eventsourcing.tests import projection as projection_suites
from eventsourcing.utils import Environment, get_topic

from adapters.event_store_dynamodb import DynamoDBFactory
from adapters.event_store_dynamodb.recorders import (
    DynamoDBAggregateRecorder,
    DynamoDBApplicationRecorder,
    DynamoDBProcessRecorder,
    DynamoDBTrackingRecorder,
)
from tests.adapters.event_store_dynamodb.faults import FaultyFactory

FAULTS = "tests.adapters.event_store_dynamodb.faults"


class OnDynamoDB(TestCase):
    """Gives a suite its environment and a factory that is closed afterwards."""

    __test__ = False  # each suite runs as two variants, made below
    persistence_module: ClassVar[str] = "adapters.event_store_dynamodb"
    settings: dict[str, str]

    @pytest.fixture(autouse=True)
    def _settings(self, env: dict[str, str]) -> None:
        self.settings = {**env, "PERSISTENCE_MODULE": self.persistence_module}

    def make_factory(self) -> DynamoDBFactory:
        factory = InfrastructureFactory.construct(Environment("suite", self.settings))
        assert isinstance(factory, DynamoDBFactory)
        self.addCleanup(factory.close)
        return factory


class OnEnvironment(OnDynamoDB):
    """For suites that make applications themselves and read the process's environment."""

    @pytest.fixture(autouse=True)
    def _environment(self, env: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
        for key, value in {**env, "PERSISTENCE_MODULE": self.persistence_module}.items():
            monkeypatch.setenv(key, value)


class AggregateRecorders(OnDynamoDB, suites.AggregateRecorderTestCase):
    def create_recorder(self) -> AggregateRecorder:
        return self.make_factory().aggregate_recorder()


class ApplicationRecorders(
    OnDynamoDB, suites.ApplicationRecorderTestCase[DynamoDBApplicationRecorder]
):
    def create_recorder(self) -> DynamoDBApplicationRecorder:
        recorder = self.make_factory().application_recorder()
        assert isinstance(recorder, DynamoDBApplicationRecorder)
        return recorder

    def test_insert_subscribe(self) -> None:
        self.optional_test_insert_subscribe()


class TrackingRecorders(OnDynamoDB, suites.TrackingRecorderTestCase):
    def create_recorder(self) -> DynamoDBTrackingRecorder:
        return self.make_factory().tracking_recorder()


class ProcessRecorders(OnDynamoDB, suites.ProcessRecorderTestCase):
    def create_recorder(self) -> DynamoDBProcessRecorder:
        recorder = self.make_factory().process_recorder()
        assert isinstance(recorder, DynamoDBProcessRecorder)
        return recorder


class NonInterleaving(OnDynamoDB, suites.NonInterleavingNotificationIDsBaseCase):
    def create_recorder(self) -> DynamoDBApplicationRecorder:
        recorder = self.make_factory().application_recorder()
        assert isinstance(recorder, DynamoDBApplicationRecorder)
        return recorder


class EventCounters(DynamoDBTrackingRecorder, projection_suites.EventCountersView):
    """A view of two counters in one item, moved together with its position."""

    def get_created_event_counter(self) -> int:
        return self._counter("created")

    def get_subsequent_event_counter(self) -> int:
        return self._counter("subsequent")

    def incr_created_event_counter(self, tracking: Tracking) -> None:
        self._increment("created", tracking)

    def incr_subsequent_event_counter(self, tracking: Tracking) -> None:
        self._increment("subsequent", tracking)

    def _counter(self, name: str) -> int:
        item = self._table.get(f"V#{self._app}#counters", 0)
        return int(item[name]["N"]) if item and name in item else 0

    def _increment(self, name: str, tracking: Tracking) -> None:
        update = {
            "TableName": self._table.name,
            "Key": {"pk": {"S": f"V#{self._app}#counters"}, "sk": {"N": "0"}},
            "UpdateExpression": "ADD #name :one",
            "ExpressionAttributeNames": {"#name": name},
            "ExpressionAttributeValues": {":one": {"N": "1"}},
        }
        self.write_with_tracking([{"Update": update}], tracking)


class Factories(OnDynamoDB, suites.InfrastructureFactoryTestCase[DynamoDBFactory]):
    def setUp(self) -> None:
        self.env = Environment("suite", self.settings)
        super().setUp()

    def expected_factory_class(self) -> type[DynamoDBFactory]:
        return DynamoDBFactory

    def expected_aggregate_recorder_class(self) -> type[DynamoDBAggregateRecorder]:
        return DynamoDBAggregateRecorder

    def expected_application_recorder_class(self) -> type[DynamoDBApplicationRecorder]:
        return DynamoDBApplicationRecorder

    def expected_tracking_recorder_class(self) -> type[DynamoDBTrackingRecorder]:
        return DynamoDBTrackingRecorder

    def tracking_recorder_subclass(self) -> type[DynamoDBTrackingRecorder]:
        return EventCounters

    def expected_process_recorder_class(self) -> type[DynamoDBProcessRecorder]:
        return DynamoDBProcessRecorder


class ExampleApplication(OnEnvironment, application_suites.ExampleApplicationTestCase):
    expected_factory_topic = get_topic(DynamoDBFactory)


class Applications(OnEnvironment, application_suites.ApplicationTestCase):
    pass


class EventCountersViews(OnDynamoDB, projection_suites.EventCountersViewTestCase):
    def construct_event_counters_view(self) -> EventCounters:
        view = self.make_factory().tracking_recorder(EventCounters)
        assert isinstance(view, EventCounters)
        return view


class Projections(OnEnvironment, projection_suites.AggregateEventCountersProjectionTestCase):
    view_class = EventCounters


class EventSourcedProjections(OnEnvironment, projection_suites.EventSourcedProjectionTestCase):
    pass


SUITES: list[type[Any]] = [
    AggregateRecorders,
    ApplicationRecorders,
    TrackingRecorders,
    ProcessRecorders,
    NonInterleaving,
    Factories,
    ExampleApplication,
    Applications,
    EventCountersViews,
    Projections,
    EventSourcedProjections,
]


def _variants() -> dict[str, type[Any]]:
    """Each suite twice: as it is, and on the client that fails."""
    found: dict[str, type[Any]] = {}
    plain: dict[str, Any] = {"__module__": __name__, "__test__": True}
    for suite in SUITES:
        faulty: dict[str, Any] = {"persistence_module": FAULTS, **plain}
        if suite is Factories:
            faulty["expected_factory_class"] = lambda _: FaultyFactory
        if suite is ExampleApplication:
            faulty["expected_factory_topic"] = get_topic(FaultyFactory)
        for name, members in (("Plain", plain), ("Faults", faulty)):
            found[f"Test{name}{suite.__name__}"] = type(name, (suite,), members)
    return found


globals().update(_variants())
