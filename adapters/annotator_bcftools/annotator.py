"""The annotator the work uses: spools the input, runs the sandboxed child, reports what it made."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, BinaryIO

from adapters.annotator_bcftools.child import Child
from adapters.annotator_bcftools.engine import parameters, version
from adapters.annotator_bcftools.journal import journal, refusal
from adapters.annotator_bcftools.preflight import look
from adapters.annotator_bcftools.references import Library, Reference
from adapters.annotator_bcftools.shared import SharedReferences
from adapters.annotator_bcftools.warm import Usage, WarmStarter
from domain.errors import InputRejected
from domain.ports import (
    Annotation,
    Interrupted,
    Limits,
    ObjectStore,
    Options,
    Product,
    Provenance,
    ReferenceInfo,
)

CHUNK = 2**20
PLAIN = Options()
LARGE_GENES, LARGE_MEMORY = 50 * 2**20, 4 * 2**30
PRODUCTS = (
    "annotated.vcf.gz",
    "annotated.vcf.gz.tbi",
    "annotated.vcf.gz.csi",
    "log.txt",
    "stats.txt",
    "summary.json",
    "variants.parquet",
)
CONTENT_TYPES = {
    ".gz": "application/gzip",
    ".tbi": "application/octet-stream",
    ".csi": "application/octet-stream",
    ".txt": "text/plain; charset=utf-8",
    ".json": "application/json",
    ".parquet": "application/vnd.apache.parquet",
}


class BcftoolsAnnotator:
    """`bcftools csq` behind the ``Annotator`` port.

    ``references_dir`` holds the references that were added; None for the bundled ones alone.
    Those in the ``shared`` bucket are fetched to a cache there. Several may share a ``starter``.
    """

    def __init__(
        self,
        references_dir: Path | None = None,
        starter: WarmStarter | None = None,
        shared: ObjectStore | None = None,
    ) -> None:
        self._references_dir = references_dir
        cached = shared and references_dir and SharedReferences(shared, references_dir / ".shared")
        self._library = Library(references_dir, cached or None)
        self._starter = starter or WarmStarter()

    @property
    def usage(self) -> Usage:
        """What the runs have taken so far."""
        return self._starter.usage

    def references(self) -> Sequence[ReferenceInfo]:
        """The installed references."""
        return tuple(each.info for each in self._library.all())

    def example(self, reference: str) -> bytes:
        """The reference's example VCF; ``NotFound`` when there is no such reference."""
        return (self._library.get(reference).folder / "example.vcf").read_bytes()

    def provenance(self, reference: str, options: Options = PLAIN) -> Provenance:
        """What would make a result with this reference now."""
        found = self._library.get(reference)
        return Provenance(
            engine="bcftools csq",
            engine_version=version(),
            reference=found.name,
            reference_sha256=found.sha256,
            parameters=parameters(found, **asdict(options)),
        )

    def peek(self, head: bytes, *, complete: bool, reference: str, limits: Limits) -> None:
        """Refuse early what cannot work. Raises ``InputRejected`` and ``NotFound``."""
        found = self._library.get(reference)
        look(head, complete=complete, reference=found, library=self._library, limits=limits)

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
        """Annotate one file; see ``domain.ports.Annotator``.

        1. start the child, which waits while we
        2. spool the source into a temporary folder and hash it,
        3. hand the child its request and listen until it is done,
        4. write the log and hash the products.
        """
        found = self._library.get(reference)
        workdir.mkdir(parents=True, exist_ok=True)
        with (
            tempfile.TemporaryDirectory(dir=workdir, prefix="tmp-") as folder,
            Child(self._starter, Path(folder), limits) as child,
        ):
            progress("checking", 0)
            spooled = Path(folder) / "input"
            began = time.monotonic()
            size, digest = _spool(source, spooled, stopped)
            fetching = time.monotonic() - began
            provenance = self.provenance(reference, options)
            about: dict[str, Any] = {
                "input_line": f"{size:,} bytes, sha256 {digest}",
                "provenance": provenance,
                "reference": found,
            }
            request = {
                **self._request(found, spooled, workdir, limits),
                "options": asdict(options),
                "provenance": _header(provenance, digest),
            }
            try:
                done = child.run(request, progress=progress, stopped=stopped)
            except InputRejected as error:
                (workdir / "log.txt").write_text(refusal(error, **about))
                raise
        (workdir / "log.txt").write_text(journal(done, **about))
        done["seconds"] = {"fetching": fetching, **done["seconds"]}
        return _annotation(done, workdir, digest, provenance)

    def _request(
        self, found: Reference, spooled: Path, workdir: Path, limits: Limits
    ) -> dict[str, Any]:
        return {
            "source": str(spooled.resolve()),
            "workdir": str(workdir.resolve()),
            "references": str(self._references_dir.resolve()) if self._references_dir else None,
            "reference": str(found.folder.resolve()),
            "limits": asdict(_roomy(limits, found)),
        }


def _roomy(limits: Limits, reference: Reference) -> Limits:
    """csq holds all gene models: an Ensembl-size file of them needs more than 2 GB."""
    if reference.genes.stat().st_size < LARGE_GENES:
        return limits
    return replace(limits, memory_bytes=max(limits.memory_bytes, LARGE_MEMORY))


def _spool(source: BinaryIO, to: Path, stopped: Callable[[], bool]) -> tuple[int, str]:
    """Copy the source to disk; its size in bytes and sha256."""
    digest, size = hashlib.sha256(), 0
    with to.open("wb") as out:
        while chunk := source.read(CHUNK):
            digest.update(chunk)
            out.write(chunk)
            size += len(chunk)
            if stopped():
                raise Interrupted
    return size, digest.hexdigest()


def _header(provenance: Provenance, digest: str) -> list[str]:
    """Header lines that say what made the file, the same on every machine."""
    facts = {**asdict(provenance), "input_sha256": digest}
    return [f"##gas_{name}={value}" for name, value in facts.items()]


def _annotation(
    done: dict[str, Any], workdir: Path, digest: str, provenance: Provenance
) -> Annotation:
    found = done["summary"]
    made = [path for name in PRODUCTS if (path := workdir / name).is_file()]
    return Annotation(
        products=tuple(_product(path) for path in made),
        input_sha256=digest,
        provenance=provenance,
        records_in=found["given"],
        records_out=found["records"],
        by_consequence={row["consequence"]: row["records"] for row in found["by_consequence"]},
        by_impact=found["by_impact"],
        skipped=found["skipped"],
        seconds=done["seconds"],
    )


def _product(path: Path) -> Product:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return Product(
        name=path.name,
        path=path,
        bytes=path.stat().st_size,
        sha256=digest,
        content_type=CONTENT_TYPES[path.suffix],
    )


def clean(workdir: Path) -> None:
    """Remove what a run left, for instance one that was killed."""
    shutil.rmtree(workdir, ignore_errors=True)
