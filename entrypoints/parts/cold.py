"""Cold storage and timers, as the settings choose them."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING

from domain.ports import Archive
from domain.ports.timers import Timer

if TYPE_CHECKING:
    from adapters.archive_glacier_vault import GlacierVaultArchive
    from entrypoints.parts.outside import OutsideParts


def s3_glacier(gas: OutsideParts) -> Archive:
    from adapters.archive_s3_glacier import S3GlacierArchive

    return S3GlacierArchive(
        gas.cloud.client("s3", attempts=1),
        f"{gas.settings.stack}-files",
        storage_class=gas.settings.archive_class,
        now=gas.clock,
    )


def glacier_vault(gas: OutsideParts) -> GlacierVaultArchive:
    from adapters.archive_glacier_vault import GlacierVaultArchive
    from adapters.bus_sns import topic_arn

    url = gas.settings.vault_url
    vault = gas.cloud.at(url) if url else gas.cloud
    return GlacierVaultArchive(
        vault.client("glacier", attempts=1),
        f"{gas.settings.stack}-results",
        gas.files,
        now=gas.clock,
        topic_arn=cache(
            lambda: topic_arn(gas.cloud.client("sns"), f"{gas.settings.stack}-retrievals")
        ),
        scratch=gas.settings.scratch,
    )


def _sqs_delay(gas: OutsideParts) -> Timer:
    from adapters.timer_sqs import SqsTimer

    return SqsTimer(gas.queues["archival"], now=gas.clock)


def _step_functions(gas: OutsideParts) -> Timer:
    from adapters.queue_sqs import SqsQueue
    from adapters.timer_step_functions import StepFunctionsTimer

    queue = SqsQueue(gas.cloud.client("sqs"), f"{gas.settings.stack}-archival")
    machine = f"{gas.settings.stack}-timer"
    return StepFunctionsTimer(gas.cloud.client("stepfunctions"), machine, queue)


TIMERS: dict[str, Callable[[OutsideParts], Timer]] = {
    "sqs_delay": _sqs_delay,
    "step_functions": _step_functions,
}
