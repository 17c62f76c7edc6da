# ruff: noqa: E501 - a table reads better in rows
"""CORPUS: malformed and hostile files, each made on the fly, with what must become of it.

Every entry is a file a person really sends (another tool's habits, a broken copy, a wrong genome)
or one somebody sends on purpose.
"""

from __future__ import annotations

import gzip
import io
import struct
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import BinaryIO, cast

from domain.ports import Limits
from tests.adapters.annotator.vcf import COLUMNS, SARS, base, other, snv, vcf

BGZF_END = bytes.fromhex("1f8b08040000000000ff0600424302001b0003000000000000000000")
SAMPLES = COLUMNS + "\tFORMAT\tmother\tchild"
GT = '##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">'


@dataclass(frozen=True)
class Case:
    """``code`` None: accepted, with ``skipped`` and ``records`` out, and ``says`` in the log."""

    name: str
    make: Callable[[], BinaryIO]
    code: str | None = None
    line: int | None = None
    column: int | None = None
    skipped: dict[str, int] = field(default_factory=dict)
    records: int | None = None
    says: str = ""
    reference: str = "sars-cov-2"
    limits: Limits = field(default_factory=Limits)


class Stream(io.RawIOBase):
    """A file too large to hold: blocks made while they are read."""

    def __init__(self, blocks: Iterable[bytes]) -> None:
        self._blocks, self._left = iter(blocks), b""

    def read(self, size: int = -1) -> bytes:
        while not self._left:
            block = next(self._blocks, None)
            if block is None:
                return b""
            self._left = block
        taken, self._left = self._left[:size], self._left[size:]
        return taken


def text(content: str | bytes) -> Callable[[], BinaryIO]:
    raw = content.encode() if isinstance(content, str) else content
    return lambda: io.BytesIO(raw)


def stream(blocks: Callable[[], Iterable[bytes]]) -> Callable[[], BinaryIO]:
    return lambda: cast(BinaryIO, Stream(blocks()))


@cache
def good(count: int = 60) -> str:
    return vcf(snv(position) for position in range(300, 300 + count))


def record(
    *, chrom: str = SARS, pos: str = "23403", name: str = ".", ref: str = "A", alt: str = "G",
    qual: str = ".", filters: str = "PASS", info: str = ".",
) -> str:  # fmt: skip
    """A record right in all but what is given: S:D614G of SARS-CoV-2."""
    return "\t".join((chrom, pos, name, ref, alt, qual, filters, info))


def one(**columns: str) -> Callable[[], BinaryIO]:
    """A file whose second record, on line 5, is the odd one."""
    return text(vcf([snv(300), record(**columns)]))


def wrong(share: int, count: int = 1000) -> str:
    """One record in ``share`` has another REF than the genome."""
    records = []
    for position in range(300, 300 + count):
        ref = other(base(position)) if position % share == 0 else base(position)
        records.append(f"{SARS}\t{position}\t.\t{ref}\t{other(ref)}\t.\t.\t.")
    return vcf(records)


def bgzf(content: bytes, *, end: bool = True) -> bytes:
    """Blocked gzip as bgzip writes it (SAM specification, section 4.1)."""
    packed = b""
    for at in range(0, len(content), 60000):
        part = content[at : at + 60000]
        squeeze = zlib.compressobj(6, zlib.DEFLATED, -15)
        body = squeeze.compress(part) + squeeze.flush()
        head = b"\x1f\x8b\x08\x04\0\0\0\0\0\xff\x06\0BC\x02\0" + struct.pack("<H", len(body) + 25)
        packed += head + body + struct.pack("<II", zlib.crc32(part), len(part))
    return packed + (BGZF_END if end else b"")


def repeated(head: str, member: bytes, times: int) -> Callable[[], Iterator[bytes]]:
    """A header, then one packed member many times: small to send, huge to unpack."""

    def blocks() -> Iterator[bytes]:
        yield gzip.compress(head.encode())
        packed = gzip.compress(member, 9)
        for _ in range(times):
            yield packed

    return blocks


@cache
def bcf(content: str) -> bytes:
    import tempfile
    from pathlib import Path

    import pysam.bcftools

    with tempfile.TemporaryDirectory() as folder:
        plain, packed = Path(folder) / "a.vcf", Path(folder) / "a.bcf"
        plain.write_text(content)
        pysam.bcftools.view("-Ob", "-o", str(packed), str(plain), catch_stdout=False)
        return packed.read_bytes()


def contigs(count: int) -> Iterator[bytes]:
    yield vcf([]).encode()
    for at in range(0, count, 1000):
        yield "".join(f"c{n}\t1\t.\tA\tC\t.\t.\t.\n" for n in range(at, at + 1000)).encode()


def many(block: bytes, times: int) -> Callable[[], Iterator[bytes]]:
    return lambda: (block for _ in range(times))


MALFORMED = [
    Case("nothing", text(b""), "empty_file"),
    Case("nothing, packed", text(gzip.compress(b"")), "empty_file"),
    Case("line ends only", text("\n\n\n"), "empty_file"),
    Case("a header without records", text(vcf([])), "no_records"),
    Case("records without a header", text(snv(300)), "no_header", 1),
    Case("no column line", text(good().replace("#CHROM", "CHROM")), "no_column_line", 3),
    Case("a header that never ends", text("##fileformat=VCFv4.2\n##x=y\n"), "no_column_line"),
    Case("a column line with a gap", text(good().replace("REF\tALT", "REF ALT")), "spaces", 3, 4),
    Case("a column line without INFO", text(good().replace("\tINFO\n", "\n")), "column_line", 3, 8),
    Case("samples without FORMAT", text(good().replace("\tINFO\n", "\tINFO\tmother\n")), "column_line", 3, 9),
    Case("FORMAT without samples", text(vcf([snv(300) + "\tGT"], columns=COLUMNS + "\tFORMAT")), "format_without_samples", 3, 9),
    Case("spaces for tabs", text(good().replace("\t", "  ")), "spaces", 3),
    Case("spaces in one record", text(vcf([snv(300), snv(301).replace("\t", " ")])), "spaces", 5),
    Case("spaces in the first record", text(vcf([snv(300).replace("\t", " ")])), "spaces", 4),
    Case("a record cut short", text(good()[:-14]), "too_few_columns", 63),
    Case("a column too many", text(vcf([snv(300), snv(301) + "\tx"])), "column_count", 5),
    Case("a sample missing", text(vcf([snv(300) + "\tGT\t0/1"], columns=SAMPLES)), "column_count", 4),
    Case("the same sample twice", text(vcf([snv(300) + "\tGT\t0/1\t0/0"], columns=SAMPLES.replace("mother", "child"))), "duplicate_samples", 3, 11),
    Case("two files joined", text(good() + good()), "header_in_body", 64),
    Case("two headers", text("##fileformat=VCFv4.2\n" + good()), "header_twice", 2),
    Case("VCF 3.3", text(good().replace("VCFv4.2", "VCFv3.3")), "version", 1),
    Case("a contig line without ID", text(vcf([snv(300)], meta=["##contig=<length=5>"])), "contig_line", 3),
    Case("POS 0", one(pos="0"), "position_zero", 5, 2),
    Case("POS below 0", one(pos="-5"), "position", 5, 2),
    Case("POS in words", one(pos="many"), "position", 5, 2),
    Case("POS with a thousands mark", one(pos="23_403"), "position", 5, 2),
    Case("POS with a fraction", one(pos="23403.5"), "position", 5, 2),
    Case("POS behind the end", one(pos="29904"), "position_past_end", 5, 2),
    Case("POS beyond 32 bits", one(pos="99999999999"), "position_past_end", 5, 2),
    Case("POS of a thousand digits", one(pos="9" * 5000), "position", 5, 2),
    Case("REF over the end", one(pos="29903", ref="AAAA"), "position_past_end", 5, 2),
    Case("REF is a dash", one(ref="-"), "ref_not_bases", 5, 4),
    Case("REF is empty", one(ref=""), "ref_not_bases", 5, 4),
    Case("ALT is a dash", one(alt="-"), "alt_not_bases", 5, 5),
    Case("ALT with a slash", one(alt="G/T"), "alt_not_bases", 5, 5),
    Case("ALT with an empty allele", one(alt="G,,T"), "alt_not_bases", 5, 5),
    Case("ALT is empty", one(alt=""), "alt_not_bases", 5, 5),
    Case("QUAL in words", one(qual="good"), "quality", 5, 6),
    Case("a contig name with a comma", one(chrom="a,b"), "contig_name", 5, 1),
    Case("FILTER with a comma", one(filters="a,b"), "filter_column", 5, 7),
    Case("an INFO key with a quote", one(info='"=1'), "info_key", 5, 8),
    Case("an INFO key with a comma", one(info="a,b=1"), "info_key", 5, 8),
    Case("an INFO key of HTML", one(info="DP=5;<svg/onload=x>=1"), "info_key", 5, 8),
    Case("an INFO key with a space before it", one(info="DP=5; AF=1"), "info_key", 5, 8),
    Case("an INFO key no tool can read, far down", text(good(12000) + record(pos="29000", ref=base(29000), alt=other(base(29000)), info="a>b")), "info_key", 12004, 8),
    Case("a header line with an enormous IDX", text(vcf([snv(300)], meta=['##INFO=<ID=A,Number=1,Type=String,Description="a",IDX=500000000>'])), "header_index", 3),
    Case("POS beyond 31 bits on an unknown contig", one(chrom="x", pos="2147483648"), "position_too_large", 5, 2),
    Case("a NUL", one(info="DP=\0"), "nul", 5, 8),
    Case("Latin-1", text(vcf([snv(300), record(info="N=caf\xe9")]).encode("latin-1")), "not_utf8", 5, 8),
    Case("UTF-16", text(good().encode("utf-16")), "not_utf8", 1),
    Case("an old Macintosh's line ends", text(good().replace("\n", "\r")), "carriage_return", 1),
    Case("binary junk", text(bytes(range(256)) * 100), "nul", 1),
    Case("a ZIP archive", text(b"PK\x03\x04" + b"x" * 100), "not_vcf"),
    Case("a PDF", text(b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n"), "not_vcf"),
    Case("a BAM", text(bgzf(b"BAM\x01" + b"\0" * 50)), "not_vcf"),
    Case("an xz file", text(b"\xfd7zXZ\x00\x00\x04"), "not_vcf"),
    Case("a FASTA", text(">chr1\nACGT\n"), "not_vcf"),
    Case("a GFF", text("##gff-version 3\nchr1\t.\tgene\t1\t2\t.\t+\t.\t.\n"), "not_vcf"),
    Case("a web page", text("<!DOCTYPE html><title>Sign in</title>"), "not_vcf"),
    Case("a table without a header", text("chr1\t100\t.\tA\tC\n"), "not_vcf"),
    Case("comma-separated values", text("CHROM,POS,REF,ALT\n1,5,A,C\n"), "no_header", 1),
    Case("a gzip cut off", text(gzip.compress(good().encode())[:-9]), "truncated"),
    Case("a gzip of ten bytes", text(gzip.compress(b"")[:10]), "truncated"),
    Case("a gzip with a flipped bit", text(b"".join((gzip.compress(good(500).encode())[:900], b"\x55", gzip.compress(good(500).encode())[901:]))), "corrupt_gzip"),
    Case("rubbish after a gzip", text(gzip.compress(good().encode()) + b"rubbish"), "corrupt_gzip"),
    Case("a BGZF without its end", text(bgzf(good().encode(), end=False)), "truncated"),
    Case("a BCF cut off", lambda: io.BytesIO(bcf(good())[:-60]), "corrupt_bcf"),
    Case("a BCF of rubbish", text(b"BCF\x02\x02" + b"\xff" * 500), "corrupt_bcf"),
    Case("one REF in five wrong", text(wrong(5)), "wrong_build", 4),
    Case("contigs of GRCh38", text(vcf([record(chrom="chr1")], contigs=[("chr1", 248956422)])), "unknown_contigs"),
    Case("records of another genome", text(vcf([record(chrom="chr1")], contigs=())), "unknown_contigs"),
    Case("another length of the contig", text(good().replace("29903", "29902")), "wrong_lengths"),
    Case("the mitochondrion of hg19", text(vcf([record(chrom="chrM", pos="73")], contigs=[("chrM", 16571)])), "wrong_lengths", reference="human-mt"),
]  # fmt: skip

HOSTILE = [
    Case("30 million records at one position", stream(repeated(vcf([]), (snv(300) + "\n").encode() * 100_000, 300)), "too_many_at_position", 1004),
    Case("a bomb", stream(repeated(vcf([snv(300)]), record(info="X=" + "A" * 900_000).encode() + b"\n", 900)), "bomb", limits=Limits(compression_ratio=500)),
    Case("a bomb of line ends", stream(repeated(vcf([snv(300)]), b"\n" * 10_000_000, 1000)), "empty_lines"),
    Case("a bomb of NULs", stream(repeated("", bytes(10_000_000), 1000)), "nul", 1),
    Case("a bomb of one letter", stream(repeated("##fileformat=VCFv4.2\n", b"A" * 10_000_000, 1000)), "line_too_long", 2),
    Case("100,000 undeclared contigs", stream(lambda: contigs(100_000)), "too_many_contigs", 10_004),
    Case("100,000 declared contigs", text(vcf([snv(300)], contigs=[(f"c{n}", 5) for n in range(100_000)])), "too_many_contigs", 10_002),
    Case("a header line of 200 MB", stream(lambda: (b"##fileformat=VCFv4.2\n##x=", *many(b"y" * 2**20, 200)())), "line_too_long", 2),
    Case("a header of 200 MB", stream(lambda: (b"##fileformat=VCFv4.2\n", *many(b"##x=y\n" * 170_000, 200)())), "header_too_large", 873_811),
    Case("an INFO of 50 MB", stream(lambda: (vcf([]).encode() + record(info="X=").encode(), *many(b"y" * 2**20, 50)())), "line_too_long", 4),
    Case("a file of empty lines", stream(lambda: (vcf([snv(300)]).encode(), *many(b"\n" * 50_000, 3)())), "empty_lines"),
    Case("100,000 alleles", one(alt=",".join(["AG"] * 100_000)), "too_many_alleles", 5, 5),
    Case("more than the plan allows", text(good(2000)), "too_large", limits=Limits(decompressed_bytes=20_000)),
    Case("more than the plan allows, packed", text(gzip.compress(good(2000).encode())), "too_large", limits=Limits(decompressed_bytes=20_000)),
    Case("a formula for a name", one(name='=HYPERLINK("http://x")'), records=2),
    Case("a path for a contig", one(chrom="../../etc/passwd"), skipped={"unknown_contig": 1}, records=2),
    Case("a contig that looks like an option", one(chrom="--help"), skipped={"unknown_contig": 1}, records=2),
    Case("braces in a header", text(vcf([snv(300)], meta=["##x={0}{reference}%s%n"])), records=1),
]  # fmt: skip

ACCEPTED = [
    Case("Windows line ends", text(good().replace("\n", "\r\n")), records=60, says="CR LF"),
    Case("a byte-order mark", text("\ufeff" + good()), records=60),
    Case("UTF-8 in a description", text(vcf([snv(300)], meta=["##note=Größe μ"])), records=1),
    Case("no line end at the end", text(good().rstrip()), records=60),
    Case("empty lines", text(good().replace("PASS\t.\n", "PASS\t.\n\n") + "\n\n"), records=60),
    Case("no fileformat line", text(good().split("\n", 1)[1]), records=60),
    Case("no contig lines", text(vcf([snv(300)], contigs=())), records=1),
    Case("an accession for a name", text(good().replace(SARS, "MN908947.3")), records=60),
    Case("chr before the name", text(vcf(["chrMT\t73\t.\tA\tG\t.\t.\t."], contigs=())), records=1, reference="human-mt"),
    Case("records out of order", text(vcf([snv(900), snv(300)])), records=2, says="sorted"),
    Case("contigs in turns", text(vcf([snv(300), record(chrom="x"), snv(301), record(chrom="x")])), records=4, skipped={"unknown_contig": 2}, says="sorted"),
    Case("one REF in a hundred wrong", text(wrong(100)), records=1000, skipped={"wrong_ref": 10}, says="line 4 ("),
    Case("one REF wrong of two", one(ref="T"), records=2, skipped={"wrong_ref": 1}),
    Case("breakends", one(alt=f"A[{SARS}:100["), records=2, skipped={"breakend": 1}),
    Case("single breakends", one(alt="A.,.A"), records=2, skipped={"breakend": 1}),
    Case("no alternate", one(alt="."), records=2, skipped={"no_alternate": 1}),
    Case("an allele taken by a deletion", one(alt="*"), records=2, skipped={"no_alternate": 1}),
    Case("a gVCF block", one(alt="<NON_REF>", info="END=23500"), records=2),
    Case("an ambiguous base", one(alt="R"), records=2, skipped={"ambiguous_base": 1}),
    Case("lower case", one(ref="a", alt="g"), records=2),
    Case("the same record twice", text(vcf([snv(300), snv(300)])), records=2),
    Case("an INFO value of the wrong type", text(vcf([record(info="DP=abc")], meta=['##INFO=<ID=DP,Number=1,Type=Integer,Description="d">'])), records=1, says="INFO/DP"),
    Case("an undeclared INFO", one(info="ZZ=1;;=;Q"), records=2),
    Case("an old BCSQ of another type", text(vcf([record(info="BCSQ=7")], meta=['##INFO=<ID=BCSQ,Number=1,Type=Integer,Description="old">'])), records=1),
    Case("a genotype that is none", text(vcf([snv(300) + "\tGT\tx/y\t9/9"], columns=SAMPLES, meta=[GT])), records=1),
    Case("BCF", lambda: io.BytesIO(bcf(good())), records=60),
    Case("BGZF", text(bgzf(good(3000).encode())), records=3000),
    Case("gzip in two members", text(gzip.compress(good()[:700].encode()) + gzip.compress(good()[700:].encode())), records=60),
    Case("a position only CSI can index", one(chrom="x", pos="600000000"), records=2, skipped={"unknown_contig": 1}),
    Case("END beyond every index", one(alt="<DEL>", info="END=999999999999"), records=2, says="No index"),
    Case("odd contig names", one(chrom="HLA-A*01:01:01:01"), records=2, skipped={"unknown_contig": 1}),
    Case("a long name", one(name="x" * 100_000), records=2),
]  # fmt: skip

CORPUS = [*MALFORMED, *HOSTILE, *ACCEPTED]
