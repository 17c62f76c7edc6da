"""What the commands that ask the service have in common: the client, output and progress."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from domain.sizes import size_in_words
from entrypoints.client import Client, connect

if TYPE_CHECKING:
    from entrypoints.bootstrap import Gas
    from entrypoints.settings import Settings

as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def client() -> Client:
    """The running service, found by settings or in the data folder."""
    return connect(read_settings())


def read_settings() -> Settings:
    """The settings of this call; a wrong one is a sentence."""
    from pydantic import ValidationError

    from entrypoints.settings import Settings

    try:
        return Settings()
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]
        name = f"GAS_{'_'.join(map(str, fault['loc'])).upper()}"
        raise click.ClickException(f"The setting {name} is wrong: {fault['msg']}.") from None


def local_state() -> Gas:
    """Log, records and views of the data folder, whether its service runs or not."""
    from entrypoints.bootstrap import Gas
    from entrypoints.client import running_service
    from entrypoints.local.kept import in_aws, readable

    settings = read_settings()
    environment = (running_service(settings) or {"environment": {}})["environment"]
    store = environment.get("GAS_STORE", settings.store)  # what runs there knows better
    if store != "sqlite" and (environment or in_aws(settings)):
        # the event store is a module of the library, which reads AWS's variables by itself
        os.environ.update({k: v for k, v in environment.items() if k not in os.environ})
        return Gas(read_settings().model_copy(update={"store": store}))
    settings = settings.model_copy(update={"store": store})
    readable(settings)
    return Gas(settings)


def print_json(document: Any) -> None:
    click.echo(json.dumps(document, indent=2, ensure_ascii=False))


@contextmanager
def progress_bar(title: str, total: int | None) -> Iterator[Callable[[int], None]]:
    """A bar on a terminal's stderr, nothing elsewhere; told how much is done."""
    if not sys.stderr.isatty():
        yield lambda _done: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn

    whole = f" of {size_in_words(total)}" if total else ""
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[done]}"))
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(title, total=total, done="")
        yield lambda done: bar.update(task, completed=done, done=f"{size_in_words(done)}{whole}")


@contextmanager
def status_line(title: str) -> Iterator[Callable[[str], None]]:
    """What is going on: one changing line on a terminal, a line for each change elsewhere."""
    if sys.stderr.isatty():
        from rich.console import Console

        with Console(stderr=True).status(title) as line:
            yield line.update
        return
    last = [""]

    def tell(text: str) -> None:
        if text != last[0]:
            last[0] = text
            click.echo(text, err=True)

    yield tell


def print_table(headings: list[str], rows: list[list[str]]) -> None:
    """A table without ornaments, which `cut` and people can read."""
    widths = [max(len(row[n]) for row in [headings, *rows]) for n in range(len(headings))]
    for row in [headings, *rows]:
        line = "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True))
        click.echo(line.rstrip())
