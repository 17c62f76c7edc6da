"""The SQL behind a table: what people give is always bound, never written into it."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from domain.ports import Place, VariantFilter, VariantRow
from domain.ports.variants import FACET_VALUES

Query = tuple[str, dict[str, Any]]
COLUMNS = ", ".join(field.name for field in fields(VariantRow))
FROM = "from read_parquet($path)"
LARGEST = 2**63 - 1  # a position that no number can say is none

# field of the filter -> what its rows fulfil
CONDITIONS = {
    "gene": "gene = $gene",
    "consequence": "consequence = $consequence",
    "impact": "impact = $impact",
    "text": (
        "(contains(lower(aa), lower($text)) or contains(lower(gene), lower($text))"
        " or contains(lower(id), lower($text)) or pos = $position)"
    ),
}


def page(path: str, wanted: VariantFilter, after: Place | None, limit: int) -> Query:
    """The rows beyond a place, in order. The first half of the condition skips whole row groups."""
    conditions, given = _where(wanted)
    if after is not None:
        conditions += ["vid >= $vid", "(vid > $vid or k > $k)"]
        given |= {"vid": after.vid, "k": after.k}
    sql = f"select {COLUMNS} {FROM}{_and(conditions)} order by vid, k limit $limit"
    return sql, given | {"path": path, "limit": limit}


def totals(path: str, wanted: VariantFilter) -> Query:
    """Rows and distinct records; every record has an effect number 0, which is quicker to count."""
    conditions, given = _where(wanted)
    records = "count(distinct vid)" if conditions else "count(*) filter (k = 0)"
    return f"select count(*), {records} {FROM}{_and(conditions)}", given | {"path": path}


def facets(path: str, wanted: VariantFilter, columns: list[str]) -> Query:
    """In one reading: column, value and rows of the most frequent values of each column."""
    conditions, given = _where(wanted)
    named = " ".join(f"when grouping({name}) = 0 then '{name}'" for name in columns)
    sets = ", ".join(f"({name})" for name in columns)
    sql = (
        f"with counted as (select case {named} end as field,"  # noqa: S608
        f" coalesce({', '.join(columns)}) as value, count(*) as n"
        f" {FROM}{_and(conditions)} group by grouping sets ({sets}))"
        " select field, value, n from counted where value is not null"
        " qualify row_number() over (partition by field order by n desc, value) <= $values"
        " order by field, n desc, value"
    )
    return sql, given | {"path": path, "values": FACET_VALUES}


def _where(wanted: VariantFilter) -> tuple[list[str], dict[str, Any]]:
    """The conditions of a filter and what is bound in them."""
    given = {name: value for name in CONDITIONS if (value := getattr(wanted, name))}
    conditions = [CONDITIONS[name] for name in given]
    if "text" in given:
        given["position"] = _position(given["text"])
    return conditions, given


def _and(conditions: list[str]) -> str:
    return f" where {' and '.join(conditions)}" if conditions else ""


def _position(text: str) -> int | None:
    """The position somebody may mean, also as ``23,403``; None for what is no number."""
    digits = text.replace(",", "")
    if not (digits.isascii() and digits.isdigit()):
        return None
    return position if (position := int(digits[:20])) <= LARGEST else None
