"""`gas reference`: the genomes files can be annotated with."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from domain.sizes import size_in_words
from entrypoints.commands.annotate import references_folder

if TYPE_CHECKING:
    from adapters.annotator_bcftools.references import Reference
    from adapters.annotator_bcftools.shared import SharedReferences

MOST_CONTIGS = 30


@click.group()
def reference() -> None:
    """The genomes files can be annotated with."""


@reference.command("list")
@click.option("--json", "as_json", is_flag=True, help="A JSON array instead of a table.")
@click.option("--shared", is_flag=True, help="Those in the service's bucket instead.")
def list_references(*, as_json: bool, shared: bool) -> None:
    """List the installed references."""
    from adapters.annotator_bcftools.references import Library

    found = _shared().all() if shared else Library(references_folder()).installed()
    if as_json:
        click.echo(json.dumps([_document(each) for each in found], indent=2, ensure_ascii=False))
        return
    width = max((len(each.name) for each in found), default=0)
    for each in found:
        bases = sum(contig.length for contig in each.contigs)
        click.echo(f"{each.name:<{width}}  {each.assembly:<12}  {bases:>13,} bases  {each.title}")


@reference.command()
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="A JSON object instead of text.")
def show(name: str, *, as_json: bool) -> None:
    """Show one reference: contigs, genetic codes, transcripts, digests."""
    from adapters.annotator_bcftools.references import Library
    from domain.errors import DomainError

    try:
        found = Library(references_folder()).get(name)
    except DomainError as error:
        raise click.ClickException(str(error)) from error
    if as_json:
        click.echo(json.dumps(_document(found), indent=2, ensure_ascii=False))
        return
    about = ", ".join(each for each in (found.organism, found.assembly) if each)
    click.echo(f"{found.title} ({found.name})\n{about}")
    for contig in found.contigs[:MOST_CONTIGS]:
        also = f"  also {', '.join(contig.aliases)}" if contig.aliases else ""
        click.echo(f"  {contig.name}  {contig.length:,} bases  code {contig.genetic_code}{also}")
    if len(found.contigs) > MOST_CONTIGS:
        click.echo(f"  … and {len(found.contigs) - MOST_CONTIGS:,} more")
    _echo_transcripts(found.transcripts)
    click.echo(f"sha256 {found.sha256}")


@reference.command()
@click.argument("name")
@click.option("--fasta", required=True, help="The genome: a file or an http(s) address.")
@click.option("--gff", required=True, help="Its genes, from Ensembl or NCBI.")
@click.option("--known", help="A VCF of known variants, whose IDs are joined in.")
@click.option("--known-column", multiple=True, help="An INFO column of it to join in too.")
@click.option("--title", default="", help="What people see.")
@click.option("--organism", default="")
@click.option("--assembly", default="")
@click.option("--code", multiple=True, metavar="CONTIG=N", help="NCBI genetic code of a contig.")
@click.option("--alias", multiple=True, metavar="CONTIG=NAME", help="Another name of a contig.")
@click.option("--share", is_flag=True, help="Put it into the service's bucket too.")
@click.option(
    "--sha256", multiple=True, metavar="fasta|gff|known=DIGEST", help="What a source must be."
)
def add(name: str, *, share: bool, **given: Any) -> None:
    """Add a reference from a genome and its genes, plain or gzipped.

    With --share, workers on other machines fetch it when a job first needs it.
    """
    from adapters.annotator_bcftools.adding import Order
    from adapters.annotator_bcftools.adding import add as add_reference
    from domain.errors import DomainError

    codes = {contig: _whole(number) for contig, number in _pairs(given.pop("code"))}
    aliases: dict[str, tuple[str, ...]] = {}
    for contig, alias in _pairs(given.pop("alias")):
        aliases[contig] = (*aliases.get(contig, ()), alias)
    digests = dict(_pairs(given.pop("sha256")))
    columns = tuple(given.pop("known_column"))
    order = Order(
        name, **given, known_columns=columns, codes=codes, aliases=aliases, digests=digests
    )
    bucket = _shared() if share else None
    try:
        added = add_reference(order, references_folder(), progress=_tell)
        if bucket:
            bucket.publish(references_folder() / name)
    except DomainError as error:
        raise click.ClickException(str(error)) from error
    _echo_transcripts({"taken": added.taken, "dropped": added.dropped})
    for contig in added.document["contigs"]:
        if contig["genetic_code"] != 1:
            click.echo(f"Genetic code of {contig['name']}: {contig['genetic_code']}")
    example = references_folder() / name / "example.vcf"
    click.echo(f"{name} is installed. Try it: gas annotate {example} -r {name}")


@reference.command()
@click.argument("name")
def share(name: str) -> None:
    """Put an added reference into the service's bucket, for workers on other machines."""
    from adapters.annotator_bcftools.references import Library
    from domain.errors import DomainError

    try:
        _shared().publish(Library(references_folder()).get(name).folder)
    except DomainError as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"{name} is shared.")


@reference.command()
@click.argument("name")
@click.option("--shared", is_flag=True, help="Out of the service's bucket, not from here.")
def remove(name: str, *, shared: bool) -> None:
    """Remove a reference that was added."""
    from adapters.annotator_bcftools.adding import remove as remove_reference
    from domain.errors import DomainError

    try:
        if shared:
            _shared().remove(name)
        else:
            remove_reference(name, references_folder())
    except DomainError as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"{name} is removed.")


def _shared() -> SharedReferences:
    """The bucket of the service that runs in the data folder, or of AWS."""
    from adapters.annotator_bcftools.shared import SharedReferences
    from entrypoints.client import Unreachable
    from entrypoints.commands.asking import read_settings
    from entrypoints.local.reach import reach_running

    try:
        return SharedReferences(reach_running(read_settings()).files, references_folder())
    except Unreachable as error:
        raise click.ClickException(str(error)) from error


def _document(found: Reference) -> dict[str, Any]:
    document = {name: getattr(found, name) for name in ("name", "title", "organism", "assembly")}
    return document | {
        "contigs": [asdict(contig) for contig in found.contigs],
        "sha256": found.sha256,
        "files": found.files,
        "transcripts": found.transcripts,
    }


def _echo_transcripts(counts: dict[str, dict[str, int]]) -> None:
    taken = ", ".join(f"{count:,} {kind}" for kind, count in counts.get("taken", {}).items())
    if taken:
        click.echo(f"Transcripts taken: {taken}")
    for reason, count in counts.get("dropped", {}).items():
        click.echo(f"Transcripts dropped: {count:,} {reason}")


def _pairs(given: tuple[str, ...]) -> list[tuple[str, str]]:
    found = [each.rpartition("=") for each in given]
    if bad := next((each for each in found if not (each[0] and each[2])), None):
        raise click.UsageError(f"“{''.join(bad)}” is not of the form NAME=VALUE.")
    return [(left, right) for left, _, right in found]


def _whole(number: str) -> int:
    if not number.isdigit():
        raise click.UsageError(f"“{number}” is not the number of a genetic code.")
    return int(number)


def _tell(source: str, done: int) -> None:
    if sys.stderr.isatty():
        click.echo(f"\r{source}: {size_in_words(done):<12}", nl=False, err=True)
