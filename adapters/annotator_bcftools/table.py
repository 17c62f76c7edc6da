"""``variants.parquet``: one row per record and effect, written by DuckDB, for the result page.

Columns: ``vid`` (number of the record from 0), ``k`` (number of the effect from 0), ``chrom``,
``pos``, ``id``, ``ref``, ``alt``, ``qual``, ``filter``, ``consequence`` (csq's term), ``impact``,
``gene``, ``transcript``, ``biotype``, ``strand``, ``aa`` (``D614G``), ``dna``. A record without any
effect has one row with nulls in the last eight. Sorted by ``vid, k``.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from adapters.annotator_bcftools.consequences import CONSEQUENCES, IMPACTS
from adapters.annotator_bcftools.forks import Fork

if TYPE_CHECKING:
    import duckdb

Setting = str | bool | int | float | list[str]
FIRST = 50  # rows of the unfiltered first page, kept in summary.json
FACETS = ("consequence", "impact", "gene", "chrom", "filter")
FACET_VALUES = 50

_RAW = """
create view raw as select * from read_csv(
    $rows, delim = '\t', header = false, auto_detect = false, quote = '', escape = '', nullstr = '',
    columns = {
        'vid': 'BIGINT', 'chrom': 'VARCHAR', 'pos': 'BIGINT', 'id': 'VARCHAR', 'ref': 'VARCHAR',
        'alt': 'VARCHAR', 'qual': 'VARCHAR', 'filter': 'VARCHAR', 'bcsq': 'VARCHAR'
    }
)
"""
# ``614D>614G`` becomes D614G, ``924F`` F924: number, letters before, letters after.
_SHORT = r"""
case when contains(aa, '>') then regexp_replace(aa, '^(\d+)([^>]*)>\d*([^>]*)$', '\2\1\3')
     else regexp_replace(aa, '^(\d+)(.*)$', '\2\1') end
"""
_ROWS = """
with effects as (
    select * exclude bcsq, string_split(coalesce(bcsq, ''), ',') as list from raw
), each as (
    select * exclude list, unnest(list) as effect, generate_subscripts(list, 1) - 1 as k
    from effects
), parts as (
    select * exclude effect, list_transform(string_split(effect, '|'), x -> nullif(x, '')) as part
    from each
), named as (
    select vid, k, chrom, pos, nullif(id, '.') as id, ref, nullif(alt, '.') as alt,
           try_cast(qual as double) as qual, nullif(filter, '.') as filter,
           part[1] as consequence, part[2] as gene, part[3] as transcript, part[4] as biotype,
           part[5] as strand, part[6] as aa, part[7] as dna
    from parts
)
select vid, k, chrom, pos, id, ref, alt, qual, filter, consequence, {impact} as impact,
       gene, transcript, biotype, strand, {short} as aa, dna
from named
"""


def impact_expression() -> str:
    """The worst impact among the terms of a compound consequence, in SQL."""
    cases = []
    for impact in IMPACTS[:-1]:
        terms = [term for term, each in CONSEQUENCES.items() if each.impact == impact]
        pattern = r"(^|[&*])(" + "|".join(terms) + ")($|&)"
        cases.append(f"when regexp_matches(consequence, '{pattern}') then '{impact}'")
    return f"case when consequence is null then null {' '.join(cases)} else '{IMPACTS[-1]}' end"


class Table:
    """The fork that makes the table, beside the statistics and the index."""

    def __init__(self, temporary: Path) -> None:
        self._temporary = temporary
        self._answer = temporary / "table.json"
        self._fork: Fork | None = None
        self.seconds = 0.0

    def begin(self, target: Path) -> None:
        """The rows are there: write ``target``."""

        def work() -> None:
            self._answer.write_text(json.dumps(make(target, self._temporary)))

        self._fork = Fork("writing the table", work)

    def finish(self) -> dict[str, Any]:
        """Wait for the table; its size, first rows and facets. Raises EngineDied."""
        if self._fork:
            self._fork.wait()
            self.seconds = self._fork.seconds
        made: dict[str, Any] = json.loads(self._answer.read_text())
        return made

    def abandon(self) -> None:
        """End it, if it still runs."""
        if self._fork:
            self._fork.kill()


def make(target: Path, temporary: Path) -> dict[str, Any]:
    """Turn ``temporary/rows.tsv`` into Parquet; the same rows always give the same bytes."""
    import duckdb

    settings: dict[str, Setting] = {
        "threads": 2,
        "memory_limit": "192MB",
        "temp_directory": str(temporary / "duckdb"),
    }
    with duckdb.connect(":memory:", config=settings) as database:
        database.execute(_RAW.replace("$rows", f"'{_quoted(temporary / 'rows.tsv')}'"))
        select = _ROWS.format(impact=impact_expression(), short=_SHORT)
        database.execute(
            f"copy ({select}) to '{_quoted(target)}' (format parquet, compression zstd)"
        )
        return _about(database, target)


def _about(database: duckdb.DuckDBPyConnection, target: Path) -> dict[str, Any]:
    """What the first page needs, so that it never waits for the table itself."""
    source = f"read_parquet('{_quoted(target)}')"
    page = database.execute(f"select * from {source} order by vid, k limit {FIRST}")  # noqa: S608
    columns = [each[0] for each in page.description or ()]
    first = page.fetchall()
    total = database.execute(f"select count(*) from {source}").fetchall()[0][0]  # noqa: S608
    facets = {name: _facet(database, source, name) for name in FACETS}
    return {"rows": total, "columns": columns, "first": first, "facets": facets}


def _facet(database: duckdb.DuckDBPyConnection, source: str, name: str) -> list[list[Any]]:
    """The most frequent values of a column and how many rows have them."""
    query = (
        f"select {name}, count(*) as n from {source} where {name} is not null "  # noqa: S608
        f"group by {name} order by n desc, {name} limit {FACET_VALUES}"
    )
    return [list(row) for row in database.execute(query).fetchall()]


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")
