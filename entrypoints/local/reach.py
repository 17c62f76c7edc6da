"""How a command of one machine reaches log, records and files, whether the service runs or not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from adapters.cloud import Cloud
from entrypoints.bootstrap import Gas
from entrypoints.client import START_IT, Unreachable
from entrypoints.local import cloud
from entrypoints.local.data_folder import DataFolder, FolderTaken
from entrypoints.local.kept import NothingKept, in_aws, lasting, no_service_in, readable
from entrypoints.settings import Settings


def reach_running(settings: Settings) -> Gas:
    """The parts of the service that runs in the data folder, or of AWS; ``Unreachable``."""
    if running := DataFolder(settings.data_dir).running():
        return parts_of(settings, running["environment"])
    if in_aws(settings):
        return Gas(settings)
    raise Unreachable(f"No service runs here, and AWS is not set up. {START_IT}")


@contextmanager
def reach(settings: Settings, *, alone: bool) -> Iterator[Gas]:
    """The parts with which everything can be read and written.

    On one machine the embedded cloud is started for the time being when no service runs;
    ``alone`` insists on that: ``FolderTaken`` when one does. ``NothingKept`` when nothing is there
    to be read, or when what is written alone would not stay.
    """
    if in_aws(settings):
        yield Gas(settings)
        return
    if alone:
        lasting(settings)
    elif not settings.data_dir.exists():
        raise NothingKept(no_service_in(settings.data_dir))
    folder = DataFolder(settings.data_dir)
    try:
        with folder.locked():
            folder.withdraw()  # whoever announced itself there is dead: the lock was free
            if not alone:
                readable(settings)
            with _borrowed_cloud(settings, folder) as gas:
                yield gas
    except FolderTaken:
        if alone:
            raise
        yield reach_running(settings)


@contextmanager
def _borrowed_cloud(settings: Settings, folder: DataFolder) -> Iterator[Gas]:
    running = cloud.start(folder.path)
    try:
        cloud.deploy(running, settings.stack, origins=[settings.address], store=settings.store)
        yield Gas(settings, cloud=running.aws)
    finally:
        running.end()


def parts_of(settings: Settings, environment: Mapping[str, str]) -> Gas:
    """Those of the embedded cloud that a supervisor started, with the settings it runs by."""
    announced = Cloud(
        environment["GAS_AWS_ENDPOINT"],
        region=environment["AWS_DEFAULT_REGION"],
        access_key=environment["AWS_ACCESS_KEY_ID"],
        secret_key=environment["AWS_SECRET_ACCESS_KEY"],
    )
    named = {name: f"GAS_{name.upper()}" for name in Settings.model_fields}
    there = {name: environment[env] for name, env in named.items() if env in environment}
    return Gas(Settings(**(settings.model_dump() | there)), cloud=announced)
