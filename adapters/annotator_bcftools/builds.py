"""BUILDS: contig lengths by which an assembly gives itself away.

Lengths in bases from the assemblies' own reports (NCBI GCF_000001405.25 GRCh37.p13,
GCF_000001405.40 GRCh38.p14, NCBI36, GCF_009914755.1 T2T-CHM13v2.0, GCF_000001635 GRCm38/GRCm39).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

_CHROMOSOMES = ("1", "2", "20", "22", "X")


def _human(*lengths: int) -> dict[str, int]:
    return dict(zip(_CHROMOSOMES, lengths, strict=True))


BUILDS: dict[str, dict[str, int]] = {
    "human GRCh37 (hg19)": _human(249250621, 243199373, 63025520, 51304566, 155270560),
    "human GRCh38 (hg38)": _human(248956422, 242193529, 64444167, 50818468, 156040895),
    "human NCBI36 (hg18)": _human(247249719, 242951149, 62435964, 49691432, 154913754),
    "human T2T-CHM13v2.0": _human(248387328, 242696752, 66210255, 51324926, 154259566),
    "mouse GRCm38 (mm10)": {"1": 195471971, "2": 182113224, "X": 171031299},
    "mouse GRCm39 (mm39)": {"1": 195154279, "2": 181755017, "X": 169476592},
    "SARS-CoV-2 (NC_045512.2)": {"NC_045512.2": 29903, "MN908947.3": 29903, "NC_045512": 29903},
    "human mitochondrion (rCRS)": {"MT": 16569, "M": 16569, "NC_012920.1": 16569},
    "human mitochondrion of hg19": {"MT": 16571, "M": 16571, "NC_001807.4": 16571},
}


def _bare(name: str) -> str:
    return name[3:] if name.lower().startswith("chr") else name


def builds_with(lengths: Mapping[str, int]) -> frozenset[str]:
    """The assemblies that have one of these contigs, by name and length."""
    found = {(_bare(name), length) for name, length in lengths.items()}
    return frozenset(build for build, known in BUILDS.items() if found & set(known.items()))


def looks_like(
    lengths: Mapping[str, int], *, names: Iterable[str] = (), but: frozenset[str] = frozenset()
) -> str | None:
    """The assembly most declared contig lengths fit, else the one whose contig names occur.

    Never one of ``but``.
    """
    declared = {(_bare(name), length) for name, length in lengths.items()}
    used = {_bare(name) for name in names} | {_bare(name) for name in lengths}
    builds = {build: known for build, known in BUILDS.items() if build not in but}
    by_length = {build: len(declared & set(known.items())) for build, known in builds.items()}
    best = max(by_length, key=lambda build: by_length[build])
    if by_length[best]:
        return best
    telling = {b: sum(n in used for n in known if len(n) > 2) for b, known in builds.items()}
    best = max(telling, key=lambda build: telling[build])
    return best if telling[best] else None
