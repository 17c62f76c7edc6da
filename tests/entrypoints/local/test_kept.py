"""What a folder is said to hold when no service runs in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from entrypoints.local.data_folder import DataFolder
from entrypoints.local.kept import NothingKept, in_aws, lasting, readable
from entrypoints.settings import Settings


def test_a_folder_without_a_database_holds_nothing(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    with pytest.raises(NothingKept, match="There is no service in"):
        readable(settings)
    settings.database.touch()
    readable(settings)
    lasting(settings)


def test_tables_in_memory_hold_nothing_and_keep_nothing(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, store="dynamodb")
    settings.database.touch()
    with pytest.raises(NothingKept, match="Start it with `GAS_STORE=dynamodb make run`"):
        readable(settings)
    with pytest.raises(NothingKept, match="Restore without GAS_STORE"):
        lasting(settings)


def test_a_developers_profile_does_not_turn_a_service_of_this_machine_into_one_of_aws(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    here = Settings(data_dir=tmp_path)
    assert not in_aws(here)
    monkeypatch.setenv("AWS_PROFILE", "production")
    assert in_aws(here)  # nothing of an embedded cloud is there
    DataFolder(tmp_path).secret("cloud")
    assert not in_aws(here)
    assert in_aws(Settings(data_dir=tmp_path, store="dynamodb"))  # moving to AWS
