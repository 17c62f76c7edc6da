"""What else could be asked of a job's variants: the values of a field, each with its rows."""

from __future__ import annotations

from dataclasses import dataclass

from domain.ports import VariantCounts
from entrypoints.web.formats import words
from entrypoints.web.statuses import IMPACTS

FIELDS = {"impact": "Impact", "consequence": "Consequence", "gene": "Gene"}
FIRST = 12  # choices of a field that are seen without unfolding


@dataclass(frozen=True, slots=True)
class Choice:
    """One value; ``asked`` are the filters of the page where it is chosen, or no longer is."""

    value: str
    word: str
    rows: int
    chosen: bool
    asked: dict[str, str]


@dataclass(frozen=True, slots=True)
class Choices:
    """A field and its values, ``first`` those that are always seen."""

    field: str
    title: str
    all: list[Choice]

    @property
    def first(self) -> list[Choice]:
        return self.all[:FIRST]

    @property
    def more(self) -> list[Choice]:
        return self.all[FIRST:]


def choices_of(counts: VariantCounts, asked: dict[str, str]) -> list[Choices]:
    """The fields in the order of the page; what is chosen stands first."""
    facets = {
        "impact": sorted(counts.impacts, key=lambda each: _severity(each[0])),
        "consequence": list(counts.consequences),
        "gene": list(counts.genes),
    }
    return [
        Choices(field, title, _choices(field, facets[field], counts.rows, asked))
        for field, title in FIELDS.items()
    ]


def _choices(
    field: str, facet: list[tuple[str, int]], fitting: int, asked: dict[str, str]
) -> list[Choice]:
    chosen = asked.get(field, "")
    if chosen and chosen not in dict(facet):
        facet = [(chosen, fitting), *facet]  # a rare one, or none that there is
    found = [_choice(field, value, rows, asked) for value, rows in facet]
    return found if field == "impact" else sorted(found, key=lambda choice: not choice.chosen)


def _choice(field: str, value: str, rows: int, asked: dict[str, str]) -> Choice:
    others = {name: given for name, given in asked.items() if name != field}
    chosen = asked.get(field) == value
    word = value if field == "gene" else words(value)
    return Choice(value, word, rows, chosen, others if chosen else others | {field: value})


def _severity(impact: str) -> int:
    order = list(IMPACTS)
    return order.index(impact) if impact in order else len(order)
