"""`gas reproduce`: whoever doubts a result makes it again and compares digests."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from entrypoints.commands.annotate import RESULT, run_annotator
from entrypoints.commands.asking import client
from entrypoints.commands.jobs import job_path
from entrypoints.commands.saving import save

if TYPE_CHECKING:
    from domain.ports import Annotation

# what must be the same for the result to be the same -> how a person calls it
MADE_BY = {
    "engine_version": "engine version",
    "reference_sha256": "reference",
    "parameters": "parameters",
}


@click.command()
@click.argument("job")
@click.option("--anyway", is_flag=True, help="Compare even if another version made the result.")
def reproduce(job: str, anyway: bool) -> None:
    """Run the job with the id JOB again on this machine and compare the results' SHA-256.

    Exit 0 when they are the same, 1 when not.
    """
    service = client()
    document = service.get(f"/jobs/{job_path(job)}")
    if document["status"] != "completed":
        raise click.ClickException(
            f"The job is {document['status']}: only a completed job has a result to compare."
        )
    _check_same_makers(document, anyway=anyway)
    with tempfile.TemporaryDirectory(prefix="gas-reproduce-") as folder:
        source = Path(folder) / "input"
        save(service, f"/jobs/{document['id']}/input", source)
        _check_input(source, document["input"]["sha256"])
        made = _run(source, document, Path(folder) / "again")
        again = next(product.sha256 for product in made.products if product.name == RESULT)
    recorded = document["result"]["sha256"]
    click.echo(f"recorded    {recorded}")
    click.echo(f"reproduced  {again}")
    if again != recorded:
        raise click.ClickException("The results differ.")
    click.echo("The results are identical, byte for byte.")


def _run(source: Path, document: Mapping[str, Any], workdir: Path) -> Annotation:
    with source.open("rb") as stream:
        return run_annotator(stream, document["reference"], workdir, **document["options"])


def _check_same_makers(document: Mapping[str, Any], *, anyway: bool) -> None:
    """Refuse when this machine would make it differently, and say in what."""
    from adapters.annotator_bcftools import BcftoolsAnnotator
    from domain.errors import DomainError
    from domain.ports import Options
    from entrypoints.commands.annotate import references_folder

    recorded, annotator = document["provenance"], BcftoolsAnnotator(references_folder())
    try:
        here = asdict(annotator.provenance(recorded["reference"], Options(**document["options"])))
    except DomainError as error:
        raise click.ClickException(str(error)) from error
    differing = [
        f"{name} {recorded[field][:16]} made it, here is {here[field][:16]}"
        for field, name in MADE_BY.items()
        if recorded[field] != here[field]
    ]
    if differing and not anyway:
        raise click.ClickException(
            f"It cannot be the same: {'; '.join(differing)}. Add --anyway to compare all the same."
        )


def _check_input(source: Path, recorded: str) -> None:
    with source.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if digest != recorded:
        raise click.ClickException(
            f"The input is no longer what was annotated: its SHA-256 is {digest}, recorded is"
            f" {recorded}."
        )
