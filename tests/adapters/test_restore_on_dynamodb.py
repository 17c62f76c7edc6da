"""A backup moves from one machine's store to DynamoDB and back, position for position."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from adapters.cloud import Cloud
from adapters.records_dynamodb import DynamoDBRecords
from domain.service import AnnotationService
from entrypoints.backup import Backup
from entrypoints.local.cloud import EmbeddedCloud
from tests.adapters.event_store_dynamodb.events import settings_for
from tests.adapters.test_records_and_views_dynamodb import client, table
from tests.entrypoints.test_backup import backup_of, empty_store, everything
from tests.memory import MemoryObjects
from tests.world import GOOD, World

__all__ = ["client", "table"]


def test_a_backup_moves_to_dynamodb_and_back(
    tmp_path: Path, cloud: EmbeddedCloud, aws: Cloud, client: Any, table: str
) -> None:
    world = World(tmp_path)
    for n in range(110):  # more aggregates in a row than one transaction can touch
        world.submit(GOOD, upload_id=str(n))
    world.settle()
    written = backup_of(world).write(tmp_path / "a.tar")
    service = AnnotationService(settings_for(cloud), clock=lambda: datetime.now(UTC))
    records = DynamoDBRecords(client, table, now=lambda: datetime.now(UTC).timestamp())
    there = Backup(service, records, MemoryObjects())
    assert there.restore(tmp_path / "a.tar") == written
    assert everything(there) == everything(backup_of(world))
    there.write(tmp_path / "b.tar")
    back = empty_store(tmp_path / "new")
    back.restore(tmp_path / "b.tar")
    assert everything(back) == everything(backup_of(world))
