"""`gas annotate`: the annotator alone, on a file, without any service."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import click

if TYPE_CHECKING:
    from domain.ports import Annotation

RESULT = "annotated.vcf.gz"
FILE = click.Path(path_type=Path, dir_okay=False)
FOLDER = click.Path(path_type=Path, file_okay=False)


def references_folder() -> Path:
    """Where added references are: ``GAS_REFERENCES``, else in the data folder."""
    chosen = os.environ.get("GAS_REFERENCES")
    return Path(chosen) if chosen else Path(os.environ.get("GAS_DATA_DIR", "var")) / "references"


@click.command()
@click.argument("source", metavar="IN", type=click.File("rb"))
@click.argument("target", metavar="[OUT]", required=False, type=FILE)
@click.option("--reference", "-r", required=True, help="Its name; see `gas reference list`.")
@click.option(
    "--format",
    "shape",
    type=click.Choice(["vcf", "ann", "tsv"]),
    default="vcf",
    help="VCF with BCSQ (default), VCF with ANN, or a table with a row per effect.",
)
@click.option("--haplotypes", is_flag=True, help="Judge changes on one phased haplotype together.")
@click.option("--normalise", is_flag=True, help="Left-align indels and split alleles first.")
@click.option("--all", "folder", type=FOLDER, help="Folder for index, log, summary, tables too.")
def annotate(
    source: BinaryIO,
    target: Path | None,
    *,
    reference: str,
    shape: str,
    folder: Path | None,
    **asked: bool,
) -> None:
    """Annotate the VCF file IN (“-”: standard input), without any service.

    The result is written to OUT, packed when its name ends with .gz. Without OUT it goes to
    standard output, plain.
    """
    with tempfile.TemporaryDirectory(prefix="gas-") as temporary:
        made = run_annotator(source, reference, Path(temporary), **asked)
        _deliver(Path(temporary) / RESULT, target, shape)
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
            for product in made.products:
                shutil.copy2(product.path, folder / product.name)
    skipped = sum(made.skipped.values())
    left = f", {skipped:,} left without annotation (see the log)" if skipped else ""
    click.echo(f"{made.records_out:,} records annotated with {reference}{left}", err=True)


def run_annotator(source: BinaryIO, reference: str, workdir: Path, **asked: bool) -> Annotation:
    """Run the annotator with ``Options(**asked)``; a refusal becomes exit 1 with its sentence."""
    from adapters.annotator_bcftools import BcftoolsAnnotator
    from domain.errors import DomainError
    from domain.ports import EngineFailed, Limits, Options
    from domain.rejections import sentence

    try:
        with progress_shown() as progress:
            return BcftoolsAnnotator(references_folder()).annotate(
                source,
                reference=reference,
                workdir=workdir,
                limits=Limits(),
                progress=progress,
                stopped=lambda: False,
                options=Options(**asked),
            )
    except DomainError as error:
        raise click.ClickException(str(error)) from error
    except EngineFailed as error:
        raise click.ClickException(f"{sentence(error.code)}\n{error}") from error


def _deliver(result: Path, target: Path | None, shape: str) -> None:
    """The result in the shape asked for, packed when the target's name ends with .gz."""
    import gzip

    if target is None:
        sys.stdout.buffer.writelines(_in_shape(result, shape))
    elif shape == "vcf" and target.suffix == ".gz":
        for ending in ("", ".tbi", ".csi"):
            if Path(f"{result}{ending}").exists():
                shutil.copyfile(f"{result}{ending}", f"{target}{ending}")
    else:
        with gzip.open(target, "wb") if target.suffix == ".gz" else target.open("wb") as out:
            out.writelines(_in_shape(result, shape))


def _in_shape(result: Path, shape: str) -> Iterator[bytes]:
    import gzip

    from adapters.annotator_bcftools.exports import as_ann, as_tsv

    shapes: dict[str, Callable[[Iterable[str]], Iterator[str]]] = {
        "vcf": iter,
        "ann": as_ann,
        "tsv": as_tsv,
    }
    with gzip.open(result, "rt", encoding="utf-8", newline="\n") as lines:
        yield from (line.encode() for line in shapes[shape](lines))


@contextmanager
def progress_shown() -> Iterator[Callable[[str, int], None]]:
    """A bar on a terminal, nothing elsewhere; always on standard error."""
    if not sys.stderr.isatty():
        yield lambda step, percent: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("checking", total=100)
        yield lambda step, percent: bar.update(task, description=step, completed=percent)
