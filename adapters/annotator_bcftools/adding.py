"""Makes a reference from a genome and its gene models, checks it, and installs it whole or not."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from io import TextIOWrapper
from pathlib import Path
from typing import Any

from adapters.annotator_bcftools import fasta
from adapters.annotator_bcftools.fasta import BadReference, Sequence
from adapters.annotator_bcftools.fetch import copy, fetched, unpacked
from adapters.annotator_bcftools.gff import Models, Transcript, transcripts, written
from adapters.annotator_bcftools.known import check_columns
from adapters.annotator_bcftools.references import BUNDLED
from adapters.annotator_bcftools.sequence import Genome

SHA256 = re.compile(r"[0-9a-fA-F]{64}\Z")
NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}\Z")
MITOCHONDRIA = ("MT", "M", "chrM", "chrMT")
VERTEBRATE_MITOCHONDRIAL = 2  # NCBI genetic code table
EXAMPLE_RECORDS = 10
_OTHER = {"A": "G", "G": "A", "C": "T", "T": "C"}


@dataclass(frozen=True, slots=True)
class Order:
    """What to add. Sources are paths or http(s) addresses.

    ``digests``: fasta, gff, known -> sha256 in hex; ``codes`` and ``aliases`` by contig.
    """

    name: str
    fasta: str
    gff: str
    known: str | None = None
    known_columns: tuple[str, ...] = ()
    title: str = ""
    organism: str = ""
    assembly: str = ""
    codes: Mapping[str, int] = field(default_factory=dict)
    aliases: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    digests: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Added:
    """The new reference's document and how many transcripts were taken and dropped, and why."""

    document: dict[str, Any]
    taken: dict[str, int]
    dropped: dict[str, int]
    engine: str


def add(order: Order, installed: Path, *, progress: Callable[[str, int], None]) -> Added:
    """Fetch, convert, check, and move into place in one step.

    Raises BadReference with a sentence; nothing is left behind then.
    """
    if not NAME.match(order.name):
        raise BadReference("A reference's name is lower-case letters, digits, “.”, “_” and “-”.")
    _check_order(order)
    if (installed / order.name).exists() or (BUNDLED / order.name).exists():
        raise BadReference(f"There is a reference {order.name} already. Remove it first.")
    installed.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=installed, prefix=".adding-") as temporary:
        folder = Path(temporary) / order.name
        folder.mkdir()
        added = _build(order, folder, Path(temporary), progress)
        folder.rename(installed / order.name)
    return added


def _check_order(order: Order) -> None:
    """Refuse what would be passed over in silence."""
    sources = {"fasta": order.fasta, "gff": order.gff, "known": order.known}
    for key, digest in order.digests.items():
        if key not in sources:
            raise BadReference(f"A digest is for fasta, gff or known, not for “{key}”.")
        if sources[key] is None:
            raise BadReference("There is a digest for known variants, but none are given.")
        if not SHA256.match(digest):
            raise BadReference(f"“{digest}” is no SHA-256: give its 64 hexadecimal digits.")
    if order.known_columns and order.known is None:
        raise BadReference("Columns of known variants are named, but none are given.")


def remove(name: str, installed: Path) -> None:
    """Remove an added reference. Raises BadReference for the bundled and unknown ones."""
    if (BUNDLED / name).is_dir():
        raise BadReference(f"{name} comes with the service and cannot be removed.")
    if not NAME.match(name) or not (installed / name / "reference.json").is_file():
        raise BadReference(f"There is no added reference {name}. See `gas reference list`.")
    shutil.rmtree(installed / name)


def _build(
    order: Order, folder: Path, temporary: Path, progress: Callable[[str, int], None]
) -> Added:
    sources: dict[str, dict[str, str]] = {}

    def local(kind: str, source: str) -> Path:
        path, digest = fetched(source, temporary, sha256=order.digests.get(kind), progress=progress)
        sources[kind] = {"from": source.rsplit("/", 1)[-1], "sha256": digest}
        return path

    with unpacked(local("fasta", order.fasta)) as stream:
        contigs = fasta.write(stream, folder)
    models = Models()
    with unpacked(local("gff", order.gff)) as stream:
        _write_genes(TextIOWrapper(stream, errors="replace"), folder, contigs, models)
    if not models.taken:
        raise BadReference(
            "No transcript of the GFF file fits the genome: "
            f"{_reasons(models) or 'it has none'}. Give the genes of the same assembly."
        )
    if order.known:
        with unpacked(local("known", order.known)) as stream:
            copy(stream, folder / "known.vcf")
        check_columns(folder / "known.vcf", order.known_columns)
    engine = _probe(folder)
    _write_example(folder, contigs, models)
    document = _document(order, folder, contigs, models, sources)
    (folder / "reference.json").write_text(json.dumps(document, indent=2) + "\n")
    return Added(document, dict(models.taken), dict(models.dropped), engine)


def _write_genes(
    lines: TextIOWrapper, folder: Path, contigs: list[Sequence], models: Models
) -> None:
    lengths = {each.name: each.length for each in contigs}

    def noted() -> Iterator[Transcript]:
        for each in transcripts(lines, lengths, models):
            if each.cds and len(models.first_coding) < EXAMPLE_RECORDS:
                start, end, _ = min(each.cds)
                models.first_coding.append((each.contig, (start + end) // 2))
            yield each

    with (folder / "genes.gff3").open("w") as out:
        out.writelines(written(noted()))


def _probe(folder: Path) -> str:
    """What csq says about the genes; BadReference when it cannot use them."""
    done = subprocess.run(
        [sys.executable, "-I", "-m", "adapters.annotator_bcftools.probe", str(folder.resolve())],
        capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    if done.returncode:
        raise BadReference(
            f"The engine cannot use these files ({done.returncode}): {done.stderr.strip()[-500:]}"
        )
    lines = [line for line in done.stdout.splitlines() if line.startswith("Indexed")]
    return lines[0] if lines else ""


def _write_example(folder: Path, contigs: list[Sequence], models: Models) -> None:
    """A few changes in coding sequence, so that the reference can be tried at once."""
    order = {each.name: at for at, each in enumerate(contigs)}
    rows = []
    with Genome(folder / "genome.fa") as genome:
        for name, pos in sorted(
            set(models.first_coding), key=lambda each: (order[each[0]], each[1])
        ):
            ref = genome.bases(name, pos, 1).decode()
            if ref in _OTHER:
                rows.append(f"{name}\t{pos}\t.\t{ref}\t{_OTHER[ref]}\t.\t.\t.\n")
    used = {row.split("\t")[0] for row in rows}
    lines = [f"##contig=<ID={c.name},length={c.length}>\n" for c in contigs if c.name in used]
    columns = "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"
    text = "".join(("##fileformat=VCFv4.2\n", *lines, columns, *rows))
    (folder / "example.vcf").write_text(text)


def _document(
    order: Order,
    folder: Path,
    contigs: list[Sequence],
    models: Models,
    sources: dict[str, dict[str, str]],
) -> dict[str, Any]:
    unknown = (set(order.codes) | set(order.aliases)) - {each.name for each in contigs}
    if unknown:
        raise BadReference(f"The genome has no contig {', '.join(sorted(unknown))}.")
    files = ("genome.fa", "genes.gff3", "known.vcf.gz")
    document: dict[str, Any] = {
        "name": order.name,
        "title": order.title or order.name,
        "organism": order.organism,
        "assembly": order.assembly or order.name,
        "contigs": [
            {
                "name": each.name,
                "length": each.length,
                "aliases": [*each.aliases, *order.aliases.get(each.name, ())],
                "genetic_code": _code(each, order, models),
                "md5": each.md5,
            }
            for each in contigs
        ],
        "files": {name: _sha256(folder / name) for name in files if (folder / name).exists()},
        "sources": sources,
        "transcripts": {"taken": dict(models.taken), "dropped": dict(models.dropped)},
    }
    if order.known:
        document["known"] = {"columns": list(order.known_columns)}
    return document


def _code(contig: Sequence, order: Order, models: Models) -> int:
    """The genetic code: as ordered, as the GFF says, else by what the contig is."""
    if contig.name in order.codes:
        return order.codes[contig.name]
    if votes := models.codes.get(contig.name):
        return votes.most_common(1)[0][0]
    mitochondrial = contig.name in MITOCHONDRIA or "mitochondri" in contig.description
    return VERTEBRATE_MITOCHONDRIAL if mitochondrial else 1


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _reasons(models: Models) -> str:
    return ", ".join(f"{count} {reason}" for reason, count in sorted(models.dropped.items()))
