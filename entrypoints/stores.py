"""STORES: where log, records and views live, all three together. One switch, ``GAS_STORE``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from adapters.cloud import Cloud
    from domain.ports import Records, Views
    from entrypoints.settings import Settings

BUCKET_IN_LOOPBACK = "512"  # the embedded cloud's queries cost in proportion to the partition


@dataclass(frozen=True)
class Store:
    """How each kind of state is opened; ``log`` is the environment of the event store's module."""

    log: dict[str, str]
    records: Callable[[Callable[[], float]], Records]
    views: Callable[[], Views]
    poll_seconds: float  # between two looks at the log's end


def _sqlite(settings: Settings, cloud: Callable[[], Cloud]) -> Store:
    """One file in the data folder."""
    from adapters.records_sqlite import SqliteRecords
    from adapters.views_sqlite import SqliteViews

    settings.data_dir.mkdir(parents=True, exist_ok=True)
    return Store(
        log={
            "PERSISTENCE_MODULE": "eventsourcing.sqlite",
            "SQLITE_DBNAME": str(settings.database),
            "SQLITE_LOCK_TIMEOUT": "30",
        },
        records=lambda now: SqliteRecords(settings.database, now=now),
        views=lambda: SqliteViews(settings.database),
        poll_seconds=0.05,
    )


def _dynamodb(settings: Settings, cloud: Callable[[], Cloud]) -> Store:
    """Three tables of the template."""
    from adapters.records_dynamodb import DynamoDBRecords
    from adapters.views_dynamodb import DynamoDBViews

    log = {
        "PERSISTENCE_MODULE": "adapters.event_store_dynamodb",
        "DYNAMODB_TABLE": f"{settings.stack}-log",
        "CREATE_TABLE": "no",
    }
    if settings.aws_endpoint:
        log |= {"DYNAMODB_BUCKET": BUCKET_IN_LOOPBACK, **cloud().environment()}
    return Store(
        log=log,
        records=lambda now: DynamoDBRecords(
            cloud().client("dynamodb"), f"{settings.stack}-records", now=now
        ),
        views=lambda: DynamoDBViews(cloud().client("dynamodb"), f"{settings.stack}-views"),
        poll_seconds=0.2,
    )


STORES: dict[str, Callable[[Settings, Callable[[], Cloud]], Store]] = {
    "sqlite": _sqlite,
    "dynamodb": _dynamodb,
}
