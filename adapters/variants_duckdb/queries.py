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


def facet(path: str, wanted: VariantFilter, column: str) -> Query:
    """The most frequent values of a column, and how many rows have each."""
    conditions, given = _where(wanted, besides=column)
    where = _and([*conditions, f"{column} is not null"])
    sql = (
        f"select {column}, count(*) as n {FROM}{where}"
        f" group by {column} order by n desc, {column} limit {FACET_VALUES}"
    )
    return sql, given | {"path": path}


def _where(wanted: VariantFilter, *, besides: str = "") -> tuple[list[str], dict[str, Any]]:
    """The conditions of a filter and what is bound in them."""
    given = {name: getattr(wanted, name) for name in CONDITIONS if name != besides}
    given = {name: value for name, value in given.items() if value}
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
