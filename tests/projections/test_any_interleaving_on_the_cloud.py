"""The same lives with files, classes and vault behind real HTTP: the embedded cloud's."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import structlog

from adapters.archive_glacier_vault import GlacierVaultArchive
from adapters.archive_s3_glacier import S3GlacierArchive
from adapters.objects_s3 import S3Objects
from domain.ports import ArchiveRef, ObjectHead
from entrypoints.local.vault_book import Timing
from tests.cloud import Stack
from tests.conftest import SOAK
from tests.interleavings import Life, live
from tests.standins import VaultStandIn
from tests.world import Fused, Generous, World

LIVES = 1000 if SOAK else 12
AT_ONCE = Timing(expedited=0, standard=0)


class CloudFiles(S3Objects):
    """The bucket, and what the tests may read of an object that sleeps."""

    def copy_from(
        self, source: Any, key: str, to: str, *, if_match: str | None = None
    ) -> ObjectHead:
        """S3 copies within itself, so it wants the bucket behind the fuse."""
        bucket = source._target if isinstance(source, Fused) else source
        return super().copy_from(bucket, key, to, if_match=if_match)

    def asleep(self, key: str) -> bytes:
        """By a copy, which the embedded cloud allows of any object."""
        client, bucket = self._s3, self.bucket
        client.copy({"Bucket": bucket, "Key": key}, bucket, "looked/at")
        return client.get_object(Bucket=bucket, Key="looked/at")["Body"].read()


class CloudArchive:
    """One of the real archives, with what the lives do to it."""

    def __init__(self, world: World, stack: Stack, vault: VaultStandIn) -> None:
        self._vault = vault
        self._files: CloudFiles = world.files  # type: ignore[assignment]
        quick = stack.aws.client("s3", attempts=1)
        self._class = S3GlacierArchive(
            quick, f"{stack.prefix}-files", storage_class="GLACIER_IR", now=world.clock
        )
        self._in_vault = GlacierVaultArchive(vault.client, "lives", world.files, now=world.clock)
        self.in_place = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._class if self.in_place else self._in_vault, name)

    @property
    def capacity(self) -> bool:
        return self._vault.vaults.book.has_capacity

    @capacity.setter
    def capacity(self, on: bool) -> None:
        self._vault.vaults.book.switch_capacity(on=on)

    def expire(self) -> None:
        """Outputs outlive these lives; in memory they do not."""

    def read(self, ref: ArchiveRef) -> bytes:
        if ref.backend == "s3_glacier":
            return self._files.asleep(ref.archive_id)
        return self._vault.vaults.book.content(ref.archive_id).read_bytes()


class CloudWorld(World):
    """State and messages in memory, everything with bytes in the cloud."""

    def __init__(self, tmp_path: Path, seed: int, stack: Stack, vault: VaultStandIn) -> None:
        super().__init__(tmp_path, seed=seed, service=Generous)
        client = stack.aws.client("s3")
        self.uploads = S3Objects(client, f"{stack.prefix}-uploads")  # type: ignore[assignment]
        self.files = CloudFiles(client, f"{stack.prefix}-files")  # type: ignore[assignment]
        self.archive = CloudArchive(self, stack, vault)  # type: ignore[assignment]
        self._book = vault.vaults.book
        self.start()

    def time_passes(self, how_long: timedelta) -> None:
        super().time_passes(how_long)
        self._book.finish_due(lambda row: None)


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    yield
    structlog.configure(**before)


@pytest.mark.kill
def test_any_interleaving_ends_with_every_byte_in_its_place(
    tmp_path: Path, stack: Stack, vault: Any
) -> None:
    stand_in = vault(AT_ONCE)
    print(f"seeds 0 to {LIVES - 1}")
    for seed in range(LIVES):
        live(Life(seed, CloudWorld(tmp_path, seed, stack, stand_in)), seed)
