"""The check before the engine meets any bytes with a rejection or a record, never a crash."""

from __future__ import annotations

import gzip
import io
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.annotator_bcftools.annotator import BcftoolsAnnotator
from adapters.annotator_bcftools.decompress import unpacked
from adapters.annotator_bcftools.preflight import opened, usable_contigs
from adapters.annotator_bcftools.records import RecordCheck
from adapters.annotator_bcftools.references import Contig, Library
from adapters.annotator_bcftools.sequence import Genome
from adapters.annotator_bcftools.sorting import Sorter
from adapters.annotator_bcftools.tally import Batch, NotSorted
from domain.errors import InputRejected
from domain.ports import Annotation, Limits, Options
from domain.rejections import INPUT
from tests.adapters.annotator.corpus import good
from tests.adapters.annotator.vcf import COLUMNS, SARS, base, vcf

SOAK = bool(os.environ.get("GAS_SOAK"))
EXAMPLES = 20_000 if SOAK else 300
ANNOTATOR = BcftoolsAnnotator()
LIMITS = Limits(line_bytes=4000, header_bytes=8000, decompressed_bytes=200_000)

FIELD = st.one_of(
    st.sampled_from(
        ["", ".", "0", "-1", "300", "29903", "29904", SARS, "A", "<DEL>", "*", "a,", "#"]
    ),
    st.sampled_from(
        ["A[1:2[", "GT:AD", "0/1", "BCSQ=x|y", "1e400", "nan", "9" * 30, "²", "٣", "_"]
    ),
    st.text(max_size=12),
)
LINE = st.lists(FIELD, max_size=11).map("\t".join)
ROWS = st.lists(LINE, max_size=8).map("\n".join)
# A right file with a piece cut out, doubled or replaced: nearer to what people send than noise.
PIECES = st.tuples(st.integers(0, 1200), st.integers(0, 40), st.binary(max_size=8))


@st.composite
def files(draw: st.DrawFn) -> bytes:
    kind = draw(st.sampled_from(["noise", "rows", "mended", "packed"]))
    if kind == "noise":
        return draw(st.binary(max_size=400))
    if kind == "rows":
        return (vcf([]) + draw(ROWS)).encode(errors="surrogatepass")
    raw = good(12).encode() if kind == "mended" else gzip.compress(good(12).encode())
    for at, length, piece in draw(st.lists(PIECES, max_size=3)):
        raw = raw[:at] + piece + raw[at + length :]
    return raw


@settings(max_examples=EXAMPLES, deadline=None, print_blob=True)
@given(files(), st.booleans())
def test_any_bytes_are_taken_or_refused_with_a_known_code(raw: bytes, complete: bool) -> None:
    refused: InputRejected | None = None
    try:
        ANNOTATOR.peek(raw, complete=complete, reference="sars-cov-2", limits=LIMITS)
    except InputRejected as rejection:
        refused = rejection
    assert refused is None or refused.code in INPUT
    assert "…" not in str(refused)


@settings(max_examples=EXAMPLES, deadline=None, print_blob=True)
@given(files(), st.integers(1, 50))
def test_how_a_file_is_cut_into_blocks_changes_nothing(raw: bytes, size: int) -> None:
    pieces = [raw[at : at + size] for at in range(0, len(raw), size)]
    whole, cut = _outcome([raw]), _outcome(pieces)
    if isinstance(whole[0], str):  # of several faults another may be met first
        assert {whole[0], cut[0]} <= {*INPUT, "not sorted"}
    else:
        assert whole == cut


def _outcome(chunks: list[bytes]) -> tuple[object, object]:
    """Code and place of the rejection, or what the engine and the merge would get."""
    batches: list[Batch] = []
    try:
        _check(chunks, batches.append)
    except InputRejected as refused:
        return refused.code, refused.line
    except NotSorted:
        return "not sorted", None
    sent = [line.split(b"\t") for b in batches for line in b.engine.splitlines()]
    numberless = [(*columns[:2], *columns[3:]) for columns in sent]
    return numberless, [line for b in batches for line in b.lines]


def _check(chunks: list[bytes], emit: Callable[[Batch], None]) -> None:
    reference = Library().get("sars-cov-2")
    file = opened(chunks, LIMITS)
    contigs, unusable = usable_contigs(file.header, reference)
    with Genome(reference.genome) as genome:
        check = RecordCheck(
            contigs=contigs, unusable=unusable, genome=genome, limits=LIMITS,
            width=file.header.width, meta=file.header.meta, emit=emit, switch=_ignore,
        )  # fmt: skip
        for numbers, lines in file.blocks():
            check.take(numbers, lines)
        check.finish()


def _ignore(_: Contig | None) -> None:
    """No engine here."""


# Whole runs: rows that get past the check, so that engine, statistics, index and table read them.
NAMES = st.text(min_size=1, max_size=6) | st.sampled_from(["DP", "END", "SVLEN", "BCSQ", "AF", ""])
VALUES = st.text(max_size=8) | st.sampled_from(["1", "-1", "9" * 20, ".", "1,2,3", "nan", "29903"])
INFO = st.lists(st.tuples(NAMES, VALUES).map("=".join) | NAMES, max_size=4).map(";".join)
ALLELES = st.sampled_from(
    ["G", "<DEL>", "<BCSQ=a|b>", "<*>", "*", "G,T", "A]1:2]", "G" * 60, ".", "<a#>", "R"]
)
NAMED = st.sampled_from([".", "PASS", "q10", "a;b", "é", "0", "rs1", "%d", "a b"])
FORMAT = st.sampled_from(["GT", "GT:DP", "GT:BCSQ", "GT:X:<Y>"] * 4 + ["DP", "BCSQ", ".", "GT:GT"])
CALLS = st.sampled_from(
    ["0|1", "1|0:3:4", "1", ".", "0|1:3"] * 5 + ["0/1", "x", "0|9", "", "0|1:é"]
)
META = st.lists(
    st.builds(
        '##{}=<ID={},Number={},Type={},Description="{}"{}>'.format,
        st.sampled_from(["INFO", "FORMAT", "FILTER", "contig", "ALT", "X"]),
        NAMES.filter(bool),
        st.sampled_from(["1", ".", "A", "G", "R", "-1", "99999999999", "x"]),
        st.sampled_from(["Integer", "String", "Flag", "Float", "Foo"]),
        st.text(max_size=5),
        st.sampled_from(["", ",IDX=3", ",IDX=0", ",length=5", ",x"]),
    ),
    max_size=3,
)


@st.composite
def plausible(draw: st.DrawFn) -> bytes:
    """Records that are right in what the check looks at, and anything in the rest."""
    samples = 2 - draw(st.integers(0, 2))
    rows = []
    for position in sorted(draw(st.lists(st.integers(266, 29600), min_size=1, max_size=5))):
        name, chrom = draw(NAMED), draw(st.sampled_from([SARS, SARS, SARS, "x", "HLA*1"]))
        left = (chrom, str(position), name, base(position), draw(ALLELES))
        right = (draw(st.sampled_from([".", "1", "1e400", "nan"])), draw(NAMED), draw(INFO))
        calls = (draw(FORMAT), *(draw(CALLS) for _ in range(samples))) if samples else ()
        rows.append("\t".join((*left, *right, *calls)))
    columns = COLUMNS + "\tFORMAT\ts1\ts2"[: (0, 10, 13)[samples]]
    return vcf(rows, meta=draw(META), columns=columns).encode(errors="replace")


@settings(max_examples=3000 if SOAK else 40, deadline=None, print_blob=True)
@given(plausible(), st.booleans(), st.booleans())
def test_any_file_is_annotated_whole_or_refused_and_the_engine_never_crashes(
    raw: bytes, haplotypes: bool, normalise: bool
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        options = Options(haplotypes=haplotypes, normalise=normalise)
        found = _run_whole(raw, Path(folder), options)
    if isinstance(found, InputRejected):
        assert found.code in INPUT
        assert "…" not in str(found)
    else:
        assert found.records_out >= found.records_in > 0


def _run_whole(raw: bytes, workdir: Path, options: Options) -> Annotation | InputRejected:
    try:
        return ANNOTATOR.annotate(
            io.BytesIO(raw), reference="sars-cov-2", workdir=workdir, limits=LIMITS,
            progress=lambda step, percent: None, stopped=lambda: False, options=options,
        )  # fmt: skip
    except InputRejected as refused:
        return refused


@given(st.lists(st.binary(max_size=3000), max_size=4), st.integers(1, 700))
def test_unpacking_gives_back_what_was_packed(parts: list[bytes], size: int) -> None:
    packed = b"".join(gzip.compress(part) for part in parts)
    pieces = [packed[at : at + size] for at in range(0, len(packed), size)]
    assert b"".join(unpacked(pieces, ratio=1000)) == b"".join(parts)


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(1, 9)), max_size=60))
def test_sorting_orders_by_contig_and_position_and_keeps_ties(
    rows: list[tuple[str, int]],
) -> None:
    lines = [f"{name}\t{pos}\tr{at}".encode() for at, (name, pos) in enumerate(rows)]
    numbers = list(range(7, 7 + len(lines)))
    with tempfile.TemporaryDirectory() as folder:
        sorter = Sorter({"b": 0, "a": 1}, Path(folder), contigs=10)
        found = [
            pair for block in sorter.sorted([(numbers, lines)]) for pair in zip(*block, strict=True)
        ]
    ranks = {"b": 0, "a": 1, "c": 2}
    keyed = zip(rows, numbers, lines, strict=True)
    expected = [
        (n, line) for (name, pos), n, line in sorted(keyed, key=lambda r: (ranks[r[0][0]], r[0][1]))
    ]
    assert found == expected
