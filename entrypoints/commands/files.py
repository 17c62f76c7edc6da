"""`gas log` and `gas download`."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from entrypoints.commands.asking import client
from entrypoints.commands.jobs import job_path
from entrypoints.commands.saving import print_bytes, save
from entrypoints.commands.shapes import ENDINGS, SHAPES


@click.command()
@click.argument("job")
def log(job: str) -> None:
    """Print the log of the job with the id JOB."""
    print_bytes(client(), f"/jobs/{job_path(job)}/log")


@click.command()
@click.argument("job")
@click.option(
    "--format",
    "form",
    type=click.Choice(["vcf.gz", *SHAPES]),
    help="vcf: unpacked; ann: VCF with ANN; tsv, json: a row per effect. Default: vcf.gz.",
)
@click.option(
    "--output",
    "-o",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Default: a file named after the job's; “-” for standard output.",
)
def download(job: str, form: str | None, output: Path | None) -> None:
    """Download the result of the job with the id JOB; prints where it was put."""
    service, path = client(), f"/jobs/{job_path(job)}/result"
    if form is None:
        form = "vcf" if output is not None and output.suffix == ".vcf" else "vcf.gz"
    reshape = SHAPES.get(form)
    if output == Path("-"):
        if sys.stdout.isatty() and reshape is None:
            raise click.UsageError("That is binary: add --format vcf, or send it to a file.")
        print_bytes(service, path, reshape=reshape)
        return
    target = output or _default(service.get(f"/jobs/{job_path(job)}")["filename"], form)
    save(service, path, target, reshape=reshape)
    click.echo(str(target))


def _default(filename: str, form: str) -> Path:
    """Beside nothing of the same name: an earlier download is not written over."""
    from entrypoints.filenames import stem

    ending = ".annotated" + ENDINGS.get(form, f".{form}")
    target, number = Path(stem(filename) + ending), 1
    while target.exists():
        number += 1
        target = Path(f"{stem(filename)}-{number}{ending}")
    return target
