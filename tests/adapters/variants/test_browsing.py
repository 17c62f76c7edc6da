"""What a table answers is what is in it: in order, once, and nothing else."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.annotator_bcftools.effects import protein_change
from adapters.annotator_bcftools.references import BUNDLED
from adapters.variants_duckdb import DuckDbTables
from domain.ports import Place, VariantFilter, VariantRow, VariantTable
from domain.ports.variants import FACET_VALUES, Facet
from tests.adapters.annotator.vcf import SARS, genome, vcf
from tests.adapters.variants.conftest import Annotate, CountingStore, Stored
from tests.conftest import SOAK

EXAMPLES = 1000 if SOAK else 50
ALL = VariantFilter()
FIELDS = {"consequence": "consequences", "impact": "impacts", "gene": "genes"}


def fits(row: VariantRow, wanted: VariantFilter) -> bool:
    """The filter as its documentation says it, in another language."""
    exact = all(
        not asked or getattr(row, name) == asked
        for name in FIELDS
        if (asked := getattr(wanted, name)) is not None
    )
    text = wanted.text.lower()
    inside = any(text in (value or "").lower() for value in (row.aa, row.gene, row.id))
    return exact and (not text or inside or text.replace(",", "") == str(row.pos))


def facet(rows: list[VariantRow], name: str) -> Facet:
    counted = Counter(value for row in rows if (value := getattr(row, name)) is not None)
    return tuple(sorted(counted.items(), key=lambda each: (-each[1], each[0])))[:FACET_VALUES]


def walk(table: VariantTable, wanted: VariantFilter, limit: int) -> list[VariantRow]:
    """All pages one after another; each but the last is full."""
    found: list[VariantRow] = []
    after: Place | None = None
    while True:
        page = table.page(wanted, after=after, limit=limit)
        found += page.rows
        if page.next is None:
            return found
        assert len(page.rows) == limit
        after = page.next


@st.composite
def filters(draw: st.DrawFn, rows: list[VariantRow]) -> VariantFilter:
    """What people look for: values of one row, pieces of them, and things that are not there."""
    row = draw(st.sampled_from(rows))
    wanted = ALL
    for name in FIELDS:
        value = getattr(row, name) or ""
        strange = st.sampled_from(["nothing", "' or 1=1 --", "%", "_"])
        wanted = replace(wanted, **{name: draw(st.just("") | st.just(value) | strange)})
    source = draw(st.sampled_from([row.aa or "", row.gene or "", row.id or "", str(row.pos)]))
    begin = draw(st.integers(0, len(source)))
    piece = source[begin : draw(st.integers(begin, len(source)))]
    texts = [piece, piece.swapcase(), source, f"{row.pos:,}"]
    return replace(wanted, text=draw(st.just("") | st.sampled_from(texts) | st.text("%_.s1 é")))


@settings(max_examples=EXAMPLES)
@given(data=st.data())
def test_the_pages_put_together_are_all_that_fits_in_order_and_once(
    table: VariantTable, many: Stored, data: st.DataObject
) -> None:
    wanted, limit = data.draw(filters(many.rows)), data.draw(st.integers(1, 300))
    assert walk(table, wanted, limit) == [row for row in many.rows if fits(row, wanted)]


@settings(max_examples=EXAMPLES)
@given(data=st.data())
def test_what_is_counted_is_what_is_there(
    table: VariantTable, many: Stored, data: st.DataObject
) -> None:
    wanted = data.draw(filters(many.rows))
    fitting = [row for row in many.rows if fits(row, wanted)]
    counts = table.counts(wanted)
    assert (counts.rows, counts.records) == (len(fitting), len({row.vid for row in fitting}))
    for name, shown in FIELDS.items():
        others = replace(wanted, **{name: ""})
        fitting = [row for row in many.rows if fits(row, others)]
        assert getattr(counts, shown) == facet(fitting, name)


def test_the_made_up_table_has_what_is_hard(many: Stored) -> None:
    assert len({row.vid for row in many.rows}) < len(many.rows), "records with several effects"
    assert {"HIGH", "MODERATE", "LOW", "MODIFIER"} <= {row.impact for row in many.rows}
    assert any(row.aa is None for row in many.rows)
    assert any("&" in (row.consequence or "") for row in many.rows)


@pytest.mark.parametrize("reference", ["sars-cov-2", "human-mt"])
def test_every_known_variant_is_found_by_gene_and_by_text(
    reference: str, examples: dict[str, Stored], store: CountingStore, tables: DuckDbTables
) -> None:
    example = examples[reference].into(store)
    table = tables.open(example.key, example.sha256)
    with (BUNDLED / reference / "truth.tsv").open() as lines:
        truth = list(csv.DictReader(lines, delimiter="\t"))
    assert table.counts(ALL).records == len(truth)
    for known in truth:
        for asked in (known["id"].swapcase(), known["pos"]):
            wanted = VariantFilter(gene=known["gene"], text=asked)
            found = walk(table, wanted, 5)
            assert (known["consequence"], protein_change(known["protein"].encode()).decode()) in {
                (row.consequence, row.aa or "") for row in found
            }, known


def test_a_record_without_any_effect_is_a_row_of_its_own(
    annotate: Annotate, store: CountingStore, tables: DuckDbTables
) -> None:
    base = genome()[999]
    bnd = f"{SARS}\t1000\tbnd\t{base}\t{base}[{SARS}:2000[\t.\tPASS\t."
    made = annotate(vcf([bnd]).encode(), "sars-cov-2").into(store)
    table = tables.open(made.key, made.sha256)
    (row,) = table.page(ALL, limit=5).rows
    assert (row.id, row.consequence, row.gene) == ("bnd", None, None)
    assert table.counts(ALL).records == 1


@pytest.mark.parametrize("word", ["%", "_", "D61%", "' or '1'='1", '"; drop table x; --', "\0"])
def test_what_somebody_types_is_looked_for_and_never_run(
    examples: dict[str, Stored], store: CountingStore, tables: DuckDbTables, word: str
) -> None:
    example = examples["human-mt"].into(store)
    table = tables.open(example.key, example.sha256)
    asks: list[Callable[[], VariantFilter]] = [
        lambda: VariantFilter(text=word),
        lambda: VariantFilter(gene=word),
        lambda: VariantFilter(consequence=word),
    ]
    for ask in asks:
        assert table.page(ask(), limit=5).rows == ()
        assert table.counts(ask()).rows == 0
