"""``variants.parquet``: one row per record and effect, written by DuckDB, for the result page.

Columns: ``vid`` (number of the record from 0), ``k`` (number of the effect from 0), ``chrom``,
``pos``, ``id``, ``ref``, ``alt``, ``qual``, ``filter``, ``consequence`` (csq's term), ``impact``,
``gene``, ``transcript``, ``biotype``, ``strand``, ``aa`` (``D614G``), ``dna``. A record without any
effect has one row with nulls in the last eight. Sorted by ``vid, k``.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from adapters.annotator_bcftools.forks import Fork
from adapters.annotator_bcftools.pipes import wide_pipe

if TYPE_CHECKING:
    import duckdb

Setting = str | bool | int | float | list[str]
FIRST = 50  # rows of the unfiltered first page, kept in summary.json
FACETS = ("consequence", "impact", "gene", "chrom", "filter")
FACET_VALUES = 50
GROUP = 20_480  # rows written at a time: what the memory depends on
LINE = 100_000  # bytes of the longest row: the merge and ``effects`` cut what is long
BUFFER = 1_000_000

# The merge writes the rows as they will be, so that nothing is taken apart here.
_ROWS = """
copy (
    select vid, k, coalesce(chrom, '.') as chrom, pos, id, ref, alt,
           try_cast(qual as double) as qual, filter, consequence, impact,
           gene, transcript, biotype, strand, aa, dna
    from read_csv(
        '{rows}', delim = '\t', header = false, auto_detect = false, quote = '', escape = '',
        nullstr = ['', '.'], buffer_size = {buffer}, max_line_size = {line},
        columns = {{
            'vid': 'BIGINT', 'chrom': 'VARCHAR', 'pos': 'BIGINT', 'id': 'VARCHAR',
            'ref': 'VARCHAR', 'alt': 'VARCHAR', 'qual': 'VARCHAR', 'filter': 'VARCHAR',
            'k': 'BIGINT', 'consequence': 'VARCHAR', 'impact': 'VARCHAR', 'gene': 'VARCHAR',
            'transcript': 'VARCHAR', 'biotype': 'VARCHAR', 'strand': 'VARCHAR', 'aa': 'VARCHAR',
            'dna': 'VARCHAR'
        }}
    )
) to '{target}' (
    format parquet, compression zstd, parquet_version v2, row_group_size {group}
)
"""


class Table:
    """The fork that makes the table while the merge writes its rows.

    ``rows`` is the descriptor to write them to; whoever forks the writer closes it.
    """

    def __init__(self, temporary: Path) -> None:
        self._made, self._answer = temporary / "variants.parquet", temporary / "table.json"
        reading, self.rows = wide_pipe()

        def work() -> None:
            os.close(self.rows)
            self._answer.write_text(json.dumps(make(reading, self._made, temporary)))

        self._fork = Fork("writing the table", work)
        os.close(reading)
        self.seconds = 0.0

    def finish(self, target: Path) -> dict[str, Any]:
        """Wait for the table and put it at ``target``; its size, first rows and facets.

        Raises EngineDied.
        """
        self.wait()
        self._made.rename(target)
        about: dict[str, Any] = json.loads(self._answer.read_text())
        return about

    def wait(self) -> None:
        """Wait until no more rows come and all are written. Raises EngineDied."""
        self._fork.wait()
        self.seconds = self._fork.seconds

    def abandon(self) -> None:
        """End it, if it still runs."""
        self._fork.kill()


def make(rows: int, target: Path, temporary: Path) -> dict[str, Any]:
    """Turn what comes over the descriptor ``rows`` into Parquet.

    With one thread the same rows always give the same bytes.
    """
    import duckdb

    settings: dict[str, Setting] = {
        "threads": 1,
        "memory_limit": "192MB",
        "temp_directory": str(temporary / "duckdb"),
    }
    copy = _ROWS.format(
        rows=f"/dev/fd/{rows}", target=_quoted(target), group=GROUP, line=LINE, buffer=BUFFER
    )
    with duckdb.connect(":memory:", config=settings) as database:
        database.execute(copy)
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
