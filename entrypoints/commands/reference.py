"""`gas reference`: the genomes files can be annotated with."""

from __future__ import annotations

import json
from pathlib import Path

import click


@click.group()
@click.option(
    "--references-dir",
    envvar="GAS_REFERENCES",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder with added references.",
)
@click.pass_context
def reference(context: click.Context, references_dir: Path | None) -> None:
    """The genomes files can be annotated with."""
    context.obj = references_dir


@reference.command("list")
@click.option("--json", "as_json", is_flag=True, help="A JSON array instead of a table.")
@click.pass_obj
def list_references(references_dir: Path | None, as_json: bool) -> None:
    """List the installed references."""
    from adapters.annotator_bcftools.references import Library

    found = [each.info for each in Library(references_dir).all()]
    if as_json:
        rows = [
            {
                "name": each.name,
                "title": each.title,
                "organism": each.organism,
                "assembly": each.assembly,
                "contigs": [{"name": name, "length": length} for name, length in each.contigs],
                "sha256": each.sha256,
            }
            for each in found
        ]
        click.echo(json.dumps(rows, indent=2, ensure_ascii=False))
        return
    width = max((len(each.name) for each in found), default=0)
    for each in found:
        bases = sum(length for _, length in each.contigs)
        click.echo(f"{each.name:<{width}}  {each.assembly:<12}  {bases:>13,} bases  {each.title}")
