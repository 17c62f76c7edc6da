"""How a command of one machine reaches log, records and files, whether the service runs or not."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from entrypoints.client import START_IT, Unreachable
from entrypoints.local import cloud
from entrypoints.local.data_folder import DataFolder, FolderTaken
from entrypoints.settings import Settings

AWS_IS_SET = ("AWS_REGION", "AWS_DEFAULT_REGION")


def on_aws() -> bool:
    """Whether this environment points at AWS itself."""
    return any(name in os.environ for name in AWS_IS_SET)


def reach_running(settings: Settings) -> Settings:
    """The settings of the service that runs in the data folder, or of AWS; ``Unreachable``."""
    if on_aws():
        return settings
    running = DataFolder(settings.data_dir).running()
    if running is None:
        raise Unreachable(f"No service runs here, and AWS is not set up. {START_IT}")
    os.environ.update(running["environment"])
    return Settings()


@contextmanager
def reach(settings: Settings, *, alone: bool) -> Iterator[Settings]:
    """The settings with which everything can be read and written.

    On one machine the embedded cloud is started for the time being when no service runs;
    ``alone`` insists on that: ``FolderTaken`` when one does.
    """
    if on_aws():
        yield settings
        return
    folder = DataFolder(settings.data_dir)
    try:
        with folder.locked():
            folder.withdraw()  # whoever announced itself there is dead: the lock was free
            running = cloud.start(folder.path)
            try:
                cloud.deploy(running, settings.stack, origins=[settings.address])
                os.environ.update(cloud.environment(folder.path, running.port))
                yield Settings()
            finally:
                running.end()
    except FolderTaken:
        if alone:
            raise
        yield reach_running(settings)
