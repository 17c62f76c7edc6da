"""`gas annotate`: the annotator alone, on a file, without any service."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import click

PRODUCT = "annotated.vcf.gz"


@click.command()
@click.argument("source", metavar="IN", type=click.File("rb"))
@click.argument(
    "target", metavar="[OUT]", required=False, type=click.Path(path_type=Path, dir_okay=False)
)
@click.option(
    "--reference",
    "-r",
    required=True,
    help="Name of an installed reference; see `gas reference list`.",
)
@click.option(
    "--references-dir",
    envvar="GAS_REFERENCES",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder with added references.",
)
@click.option(
    "--all",
    "all_to",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder for everything that was made: index, log, summary …",
)
def annotate(
    source: BinaryIO,
    target: Path | None,
    reference: str,
    references_dir: Path | None,
    all_to: Path | None,
) -> None:
    """Annotate the VCF file IN (“-”: standard input), without any service.

    The result is written to OUT: packed with BGZF when its name ends with .gz, otherwise as plain
    VCF. Without OUT the plain VCF goes to standard output.
    """
    from adapters.annotator_bcftools.annotator import BcftoolsAnnotator
    from domain.errors import DomainError, InputRejected
    from domain.ports import EngineFailed, Limits

    annotator = BcftoolsAnnotator(references_dir)
    with tempfile.TemporaryDirectory(prefix="gas-") as folder, _progress() as progress:
        workdir = Path(folder)
        try:
            made = annotator.annotate(
                source,
                reference=reference,
                workdir=workdir,
                limits=Limits(),
                progress=progress,
                stopped=lambda: False,
            )
        except InputRejected as error:
            raise _Refused(str(error)) from error
        except DomainError as error:
            raise _Refused(str(error)) from error
        except EngineFailed as error:
            raise _Refused(_sentence(error)) from error
        _deliver(workdir / PRODUCT, target)
        if all_to is not None:
            all_to.mkdir(parents=True, exist_ok=True)
            for product in made.products:
                shutil.copy2(product.path, all_to / product.name)
    skipped = sum(made.skipped.values())
    left = f", {skipped:,} left without annotation (see the log)" if skipped else ""
    click.echo(f"{made.records_out:,} records annotated with {reference}{left}", err=True)


class _Refused(click.ClickException):
    """Exit 1 with the sentence on standard error."""

    exit_code = 1


def _sentence(error: object) -> str:
    from domain.ports import EngineFailed
    from domain.rejections import sentence

    assert isinstance(error, EngineFailed)  # noqa: S101
    return f"{sentence(error.code)}\n{error}"


def _deliver(result: Path, target: Path | None) -> None:
    """The result, packed or plain as its name asks."""
    import gzip

    if target is not None and target.suffix == ".gz":
        shutil.copyfile(result, target)
        shutil.copyfile(f"{result}.tbi", f"{target}.tbi")
        return
    with gzip.open(result) as packed:
        if target is None:
            shutil.copyfileobj(packed, sys.stdout.buffer)
            return
        with target.open("wb") as plain:
            shutil.copyfileobj(packed, plain)


@contextmanager
def _progress() -> Iterator[Callable[[str, int], None]]:
    """A bar on a terminal, nothing elsewhere; always on standard error."""
    if not sys.stderr.isatty():
        yield lambda step, percent: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("checking", total=100)
        yield lambda step, percent: bar.update(task, description=step, completed=percent)
