"""Cold storage and timers, as the settings choose them."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, cached_property
from typing import TYPE_CHECKING

from domain.ports import Archive
from domain.ports.timers import Timer
from entrypoints.archives import Archives
from entrypoints.parts.outside import OutsideParts

if TYPE_CHECKING:
    from adapters.archive_glacier_vault import GlacierVaultArchive


class ColdParts(OutsideParts):
    """Where results sleep, and what says that it is time."""

    @cached_property
    def archive(self) -> Archive:
        """New archives go where the settings say, old ones are found where they are."""
        makers: dict[str, Callable[[], Archive]] = {
            "s3_glacier": self._s3_glacier,
            "glacier_vault": lambda: self.vault,
        }
        return Archives(self.settings.archive, makers)

    @cached_property
    def vault(self) -> GlacierVaultArchive:
        from adapters.archive_glacier_vault import GlacierVaultArchive
        from adapters.bus_sns import topic_arn

        url, stack = self.settings.vault_url, self.settings.stack
        vault = self.cloud.at(url) if url else self.cloud
        return GlacierVaultArchive(
            vault.client("glacier", attempts=1),
            f"{stack}-results",
            self.files,
            now=self.clock,
            topic_arn=cache(lambda: topic_arn(self.cloud.client("sns"), f"{stack}-retrievals")),
            scratch=self.settings.scratch,
        )

    @cached_property
    def timer(self) -> Timer:
        makers: dict[str, Callable[[], Timer]] = {
            "sqs_delay": self._sqs_delay,
            "step_functions": self._step_functions,
        }
        return makers[self.settings.retention_timer]()

    def _s3_glacier(self) -> Archive:
        from adapters.archive_s3_glacier import S3GlacierArchive

        return S3GlacierArchive(
            self.cloud.client("s3", attempts=1),
            f"{self.settings.stack}-files",
            storage_class=self.settings.archive_class,
            now=self.clock,
        )

    def _sqs_delay(self) -> Timer:
        from adapters.timer_sqs import SqsTimer

        return SqsTimer(self.queues["archival"], now=self.clock)

    def _step_functions(self) -> Timer:
        from adapters.queue_sqs import SqsQueue
        from adapters.timer_step_functions import StepFunctionsTimer

        queue = SqsQueue(self.cloud.client("sqs"), f"{self.settings.stack}-archival")
        machine = f"{self.settings.stack}-timer"
        return StepFunctionsTimer(self.cloud.client("stepfunctions"), machine, queue)
