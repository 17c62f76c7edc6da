"""The table is the same bytes however its rows arrive, and no record makes it large."""

from __future__ import annotations

import io
import os
import random
import threading
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from adapters.annotator_bcftools.effects import NOTHING, effects_of, protein_change
from adapters.annotator_bcftools.frames import Frame
from adapters.annotator_bcftools.merge import Merge, OutOfStep
from adapters.annotator_bcftools.table import GROUP, make
from tests.adapters.annotator.conftest import Bench
from tests.adapters.annotator.vcf import SARS, genome, vcf

ROWS = 3 * GROUP


def rows() -> bytes:
    """More rows than the table writes at a time."""
    effects = (*effects_of(b"missense|S|T1|protein_coding|+|614D>614G|23403A>G").rows, *NOTHING)
    return b"".join(
        b"%d\t%b\t%d\trs%d\tA\tG\t30\tPASS\t%b\n" % (at, SARS.encode(), at, at, effects[at % 2])
        for at in range(ROWS)
    )


def written(folder: Path, pieces: list[bytes]) -> bytes:
    """The table made from rows that arrive in these pieces."""
    folder.mkdir()
    reading, writing = os.pipe()

    def write() -> None:
        with os.fdopen(writing, "wb", buffering=0) as out:
            for piece in pieces:
                out.write(piece)

    writer = threading.Thread(target=write)
    writer.start()
    about = make(reading, folder / "variants.parquet", folder)
    writer.join()
    os.close(reading)
    assert about["rows"] == ROWS
    return (folder / "variants.parquet").read_bytes()


def test_how_the_rows_arrive_changes_no_byte(tmp_path: Path) -> None:
    text, chance = rows(), random.Random(5)
    cuts = sorted(chance.sample(range(len(text)), 3000))
    pieces = [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    assert written(tmp_path / "whole", [text]) == written(tmp_path / "pieces", pieces)


def test_a_long_record_is_cut_in_the_table_and_whole_in_the_result(run: Bench) -> None:
    bases = genome()[21562:25300]
    made = run(vcf([f"{SARS}\t21563\t{'n' * 3000}\t{bases}\t{bases[0]}\t.\tPASS\t."]))
    assert made.records[0][3] == bases
    table = duckdb.read_parquet(str(made.folder / "variants.parquet"))
    found = table.project("chrom, pos, length(id), length(ref), alt").fetchall()
    assert {row[:2] for row in found} == {(SARS, 21563)}
    assert all(row[2] == row[3] == 201 for row in found)


@pytest.mark.parametrize(
    ("told", "short"),
    [
        (b"614D>614G", b"D614G"),
        (b"924F", b"F924"),
        (b"68IHV>68I", b"IHV68I"),
        (b"12>13A>2", b"12>13A>2"),
        (b"", b""),
        (b"M", b"M"),
    ],
)
def test_protein_changes_are_short_in_the_table(told: bytes, short: bytes) -> None:
    assert protein_change(told) == short


def test_the_merge_sees_that_a_record_was_lost() -> None:
    merge = Merge(write=len, rows=len, sites_only=True, had_bcsq=False)
    lines = [b"1\t%d\t.\tA\tC\t.\t.\t." % at for at in (5, 6, 7)]
    frames: Iterator[Frame | None] = iter([(lines, []), None])
    engine = b"1\t5\t0\tA\tC\t.\t.\t.\n1\t7\t2\tA\tC\t.\t.\t.\n"
    with pytest.raises(OutOfStep, match="gave 2 of 3 records"):
        merge.run(lambda: next(frames), io.BytesIO(engine))
