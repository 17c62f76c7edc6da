"""Writing what is downloaded: whole or not at all, and never over something half."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import click

from entrypoints.client import Client
from entrypoints.commands.asking import progress_bar

Reshape = Callable[[Iterable[bytes]], Iterator[bytes]]


def save(service: Client, path: str, target: Path, *, reshape: Reshape | None = None) -> None:
    """Stream what is at an API path into a file, which appears when it is complete."""
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        with (
            service.download(path) as (chunks, size),
            progress_bar(target.name, size) as told,
            part.open("wb") as file,
        ):
            data = _counted(chunks, told)
            for chunk in reshape(data) if reshape else data:
                file.write(chunk)
        part.replace(target)
    except OSError as error:
        raise click.ClickException(f"{target} cannot be written: {error.strerror}.") from None
    finally:
        part.unlink(missing_ok=True)


def print_bytes(service: Client, path: str, *, reshape: Reshape | None = None) -> None:
    """Stream what is at an API path to stdout."""
    with service.download(path) as (chunks, _):
        for chunk in reshape(chunks) if reshape else chunks:
            sys.stdout.buffer.write(chunk)
    sys.stdout.buffer.flush()


def _counted(chunks: Iterable[bytes], told: Callable[[int], None]) -> Iterator[bytes]:
    done = 0
    for chunk in chunks:
        done += len(chunk)
        told(done)
        yield chunk
