"""The shapes a result can be had in, made here from the packed VCF as it streams by."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Iterator

Chunks = Iterable[bytes]


def unpacked(chunks: Chunks) -> Iterator[bytes]:
    """The content of a gzip file of any number of members, as BGZF is."""
    decoder = zlib.decompressobj(wbits=31)
    for chunk in chunks:
        data = chunk
        while data:
            yield decoder.decompress(data)
            data = decoder.unused_data
            if decoder.eof:
                decoder = zlib.decompressobj(wbits=31)


def _lines(chunks: Chunks) -> Iterator[str]:
    rest = b""
    for data in unpacked(chunks):
        *whole, rest = (rest + data).split(b"\n")
        yield from (line.decode() + "\n" for line in whole)
    if rest:
        yield rest.decode()


def _ann(chunks: Chunks) -> Iterator[bytes]:
    from adapters.annotator_bcftools.exports import as_ann

    return (line.encode() for line in as_ann(_lines(chunks)))


def _tsv(chunks: Chunks) -> Iterator[bytes]:
    from adapters.annotator_bcftools.exports import as_tsv

    return (line.encode() for line in as_tsv(_lines(chunks)))


def _json(chunks: Chunks) -> Iterator[bytes]:
    from adapters.annotator_bcftools.exports import as_json

    return (text.encode() for text in as_json(_lines(chunks)))


SHAPES: dict[str, Callable[[Chunks], Iterator[bytes]]] = {
    "vcf": unpacked,
    "ann": _ann,
    "tsv": _tsv,
    "json": _json,
}
ENDINGS = {"ann": ".ann.vcf"}  # where the shape's name is not the ending
