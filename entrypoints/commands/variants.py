"""`gas variants`."""

from __future__ import annotations

from typing import Any

import click

from entrypoints.client import Client
from entrypoints.commands.asking import as_json, client, print_json, print_table
from entrypoints.commands.jobs import job_path

IMPACTS = ("HIGH", "MODERATE", "LOW", "MODIFIER")
MOST_AT_ONCE = 1000  # rows the API gives in one answer
LONGEST = 24  # characters of an ID, an allele or a change in the table; JSON has them all
UNSEEN = "\N{REPLACEMENT CHARACTER}"
HEADINGS = ["CHROM", "POS", "ID", "REF", "ALT", "GENE", "CONSEQUENCE", "IMPACT", "PROTEIN"]
COLUMNS = ("chrom", "pos", "id", "ref", "alt", "gene", "consequence", "impact", "aa")


@click.command()
@click.argument("job")
@click.option("--gene", default="", help="Only this gene.")
@click.option("--consequence", default="", help="Only this consequence, as the table has it.")
@click.option("--impact", type=click.Choice(IMPACTS, case_sensitive=False), help="Only this.")
@click.option("--text", default="", help="Found in protein change, gene or ID, or the position.")
@click.option("--limit", default=50, type=click.IntRange(1), help="How many rows, from the first.")
@as_json
def variants(job: str, limit: int, as_json: bool, **filters: str | None) -> None:
    """List the variants of the job with the id JOB; a row for each effect."""
    given = {name: value for name, value in filters.items() if value}
    found, total = _list(client(), job, limit, given)
    if as_json:
        print_json(found)
    else:
        print_table(HEADINGS, [[_plain(row[name]) for name in COLUMNS] for row in found])
    if len(found) < total["rows"]:
        said = f"{len(found)} of {total['rows']} rows; give a larger --limit for more."
        click.echo(said, err=True)


def _list(
    service: Client, job: str, limit: int, filters: dict[str, str]
) -> tuple[list[dict[str, Any]], dict[str, int]]:
    """The first rows that fit, and how many there are in all."""
    found: list[dict[str, Any]] = []
    cursor = ""
    while True:
        wanted = str(min(limit - len(found), MOST_AT_ONCE))
        path = f"/jobs/{job_path(job)}/variants"
        page = service.get(path, cursor=cursor, limit=wanted, **filters)
        found += page["variants"]
        cursor = page["next"]
        if not cursor or len(found) >= limit:
            return found, page["total"]


def _plain(value: object) -> str:
    """A value for one cell; what is not there is a dash, and nothing in it steers a terminal."""
    text = "-" if value is None else str(value)
    seen = "".join(
        letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text
    )
    return seen if len(seen) <= LONGEST else f"{seen[: LONGEST - 1]}…"
