"""`gas reproduce`: whoever doubts a result makes it again and compares digests."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from entrypoints.commands.annotate import progress_shown, references_folder
from entrypoints.commands.asking import client
from entrypoints.commands.jobs import job_path
from entrypoints.commands.saving import save

if TYPE_CHECKING:
    from adapters.annotator_bcftools.reproduce import Reproduction


@click.command()
@click.argument("job")
@click.option("--anyway", is_flag=True, help="Compare even if another version made the result.")
def reproduce(job: str, anyway: bool) -> None:
    """Run the job with the id JOB again on this machine and compare every product's SHA-256.

    Exit 0 when all are the same, 1 when not.
    """
    service = client()
    document = service.get(f"/jobs/{job_path(job)}")
    if document["status"] != "completed":
        raise click.ClickException(
            f"The job is {document['status']}: only a completed job has a result to compare."
        )
    if document["input_removed"]:
        raise click.ClickException(
            "The input of this job was removed, so there is nothing to run again."
            " With your own copy, `gas annotate` makes the result anew; compare its SHA-256."
        )
    with tempfile.TemporaryDirectory(prefix="gas-reproduce-") as folder:
        source = Path(folder) / "input"
        save(service, f"/jobs/{document['id']}/input", source)
        found = _run(source, document, Path(folder) / "again", anyway=anyway)
    for name, verdict in found.verdicts():
        click.echo(f"{verdict:<10} {name}")
    if not found.proved:
        raise click.ClickException("The results differ.")
    click.echo("The results are identical, byte for byte.")


def _run(source: Path, document: Mapping[str, Any], workdir: Path, *, anyway: bool) -> Reproduction:
    """Refused with a sentence when this machine would make it differently."""
    from adapters.annotator_bcftools import BcftoolsAnnotator
    from adapters.annotator_bcftools.reproduce import reproduce as run_again
    from domain.errors import DomainError
    from domain.ports import EngineFailed, Limits, Options, Provenance
    from domain.rejections import sentence

    try:
        with source.open("rb") as stream, progress_shown() as progress:
            return run_again(
                BcftoolsAnnotator(references_folder()),
                stream,
                recorded=Provenance(**document["provenance"]),
                options=Options(**document["options"]),
                input_sha256=document["input"]["sha256"],
                digests=document["products"],
                workdir=workdir,
                limits=Limits(),
                progress=progress,
                stopped=lambda: False,
                anyway=anyway,
            )
    except DomainError as error:
        raise click.ClickException(str(error)) from error
    except EngineFailed as error:
        raise click.ClickException(sentence(error.code)) from error
