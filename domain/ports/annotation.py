"""The science: running the engine on one file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Protocol


@dataclass(frozen=True, slots=True)
class Limits:
    """What one annotation may take. Sizes in bytes, times in seconds."""

    decompressed_bytes: int = 200 * 2**30
    compression_ratio: int = 1000
    header_bytes: int = 5 * 2**20
    contigs: int = 10_000
    line_bytes: int = 2**20
    records_per_position: int = 1_000
    memory_bytes: int = 2 * 2**30
    cpu_seconds: int = 6 * 3600
    wall_seconds: int = 6 * 3600


@dataclass(frozen=True, slots=True)
class Options:
    """What a person may ask for besides the plain run.

    ``haplotypes``: changes on one phased haplotype are judged together. ``normalise``: indels are
    left-aligned and records of several alleles split first.
    """

    haplotypes: bool = False
    normalise: bool = False


PLAIN = Options()


@dataclass(frozen=True, slots=True)
class Product:
    """One file an annotation made; ``sha256`` in hex, ``bytes`` its size."""

    name: str  # "annotated.vcf.gz", "annotated.vcf.gz.tbi", "log.txt", "summary.json", …
    path: Path
    bytes: int
    sha256: str
    content_type: str


@dataclass(frozen=True, slots=True)
class Provenance:
    """What made a result; every field is in the result's header and in the event."""

    engine: str  # "bcftools csq"
    engine_version: str
    reference: str
    reference_sha256: str  # digest over reference.json's file digests
    parameters: str  # the engine's own options, without paths


@dataclass(frozen=True, slots=True)
class Annotation:
    """The outcome of one successful run."""

    products: tuple[Product, ...]
    input_sha256: str
    provenance: Provenance
    records_in: int
    records_out: int
    by_consequence: dict[str, int] = field(default_factory=dict)
    by_impact: dict[str, int] = field(default_factory=dict)
    skipped: dict[str, int] = field(default_factory=dict)  # reason -> records left unannotated
    seconds: dict[str, float] = field(default_factory=dict)  # stage -> time it took


@dataclass(frozen=True, slots=True)
class ReferenceInfo:
    """One installed reference as shown to people."""

    name: str
    title: str
    organism: str
    assembly: str
    contigs: tuple[tuple[str, int], ...]  # (name, length in bases)
    sha256: str


class Annotator(Protocol):
    """The science. Runs the engine outside this process; never holds a whole file in memory."""

    def references(self) -> Sequence[ReferenceInfo]: ...
    def example(self, reference: str) -> bytes:
        """The reference's example VCF; ``NotFound`` when there is no such reference."""

    def provenance(self, reference: str, options: Options = PLAIN) -> Provenance:
        """What would make a result with this reference and these options now."""

    def peek(self, head: bytes, *, complete: bool, reference: str, limits: Limits) -> None:
        """Refuse early what cannot work, from the first bytes of a file (≤ 64 KB, or all of it).

        ``complete`` says that ``head`` is the whole file. Raises ``InputRejected``.
        """

    def annotate(
        self,
        source: BinaryIO,
        *,
        reference: str,
        workdir: Path,
        limits: Limits,
        progress: Callable[[str, int], None],
        stopped: Callable[[], bool],
        options: Options = PLAIN,
    ) -> Annotation:
        """Read ``source`` once to its end and write the products into ``workdir``.

        ``progress(step, percent)`` is told where the run is (steps: checking, annotating, storing);
        when ``stopped()`` turns true the engine is ended and ``Interrupted`` raised. Raises
        ``InputRejected`` for the person's file (``workdir/log.txt`` says more) and ``EngineFailed``
        for anything a second attempt may mend.
        """


class Interrupted(Exception):
    """The run was stopped from outside: cancelled, drained, or its lease was lost."""


class EngineFailed(Exception):
    """The engine ended badly; ``code`` is one of ``domain.rejections.REJECTIONS``."""

    def __init__(self, code: str, detail: str = "") -> None:
        self.code = code
        super().__init__(detail or code)
