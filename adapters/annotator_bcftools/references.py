"""Reference folders: ``reference.json`` beside genome, gene models, example and truth table."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from domain.errors import NotFound
from domain.ports import ReferenceInfo

BUNDLED = Path(__file__).parent / "references"


@dataclass(frozen=True, slots=True)
class Contig:
    """One sequence: ``length`` in bases, ``genetic_code`` as NCBI's table number."""

    name: str
    length: int
    aliases: tuple[str, ...] = ()
    genetic_code: int = 1
    md5: str = ""


@dataclass(frozen=True, slots=True)
class Reference:
    """A genome with its gene models. ``files`` maps file name to sha256 in hex."""

    folder: Path
    name: str
    title: str
    organism: str
    assembly: str
    contigs: tuple[Contig, ...]
    files: dict[str, str]
    known_columns: tuple[str, ...] = ()
    transcripts: dict[str, dict[str, int]] = field(default_factory=dict)
    sources: dict[str, dict[str, str]] = field(default_factory=dict)

    @property
    def known(self) -> Path | None:
        """Known variants, if the reference has any."""
        path = self.folder / "known.vcf.gz"
        return path if "known.vcf.gz" in self.files else None

    @property
    def genome(self) -> Path:
        return self.folder / "genome.fa"

    @property
    def genes(self) -> Path:
        return self.folder / "genes.gff3"

    @property
    def sha256(self) -> str:
        """A digest over the digests of the files, so any changed base or gene changes it."""
        listing = "".join(f"{name} {digest}\n" for name, digest in sorted(self.files.items()))
        codes = "".join(f"{each.name} {each.genetic_code}\n" for each in self.contigs)
        codes += " ".join(self.known_columns)
        return hashlib.sha256((listing + codes).encode()).hexdigest()

    @property
    def info(self) -> ReferenceInfo:
        return ReferenceInfo(
            name=self.name,
            title=self.title,
            organism=self.organism,
            assembly=self.assembly,
            contigs=tuple((each.name, each.length) for each in self.contigs),
            sha256=self.sha256,
        )


def names_of(contig: Contig) -> set[str]:
    """Every name a file may use for the contig: its own, its aliases, with and without ``chr``."""
    given = {contig.name, *contig.aliases}
    bare = {name[3:] for name in given if name.lower().startswith("chr") and len(name) > 3}
    short = {name for name in given | bare if len(name) <= 5}
    return given | bare | {f"chr{name}" for name in short if not name.startswith("chr")}


def contigs_by_name(reference: Reference) -> dict[str, Contig]:
    """Every name in use to its contig; a contig's own name always wins over another's alias."""
    found: dict[str, Contig] = {}
    for contig in reference.contigs:
        for name in names_of(contig):
            found.setdefault(name, contig)
    found.update({contig.name: contig for contig in reference.contigs})
    return found


def load(folder: Path) -> Reference:
    """The reference that lies in a folder."""
    return reference_of(json.loads((folder / "reference.json").read_text()), folder)


def reference_of(document: dict[str, Any], folder: Path) -> Reference:
    """A reference by its ``reference.json``."""
    contigs = tuple(
        Contig(
            name=each["name"],
            length=int(each["length"]),
            aliases=tuple(each.get("aliases", ())),
            genetic_code=int(each.get("genetic_code", 1)),
            md5=each.get("md5", ""),
        )
        for each in document["contigs"]
    )
    return Reference(
        folder=folder,
        name=document["name"],
        title=document["title"],
        organism=document["organism"],
        assembly=document["assembly"],
        contigs=contigs,
        files=dict(document["files"]),
        known_columns=tuple(document.get("known", {}).get("columns", ())),
        transcripts=dict(document.get("transcripts", {})),
        sources=dict(document.get("sources", {})),
    )


class Elsewhere(Protocol):
    """References that can be fetched to this machine."""

    def all(self) -> Sequence[Reference]: ...
    def get(self, name: str) -> Reference | None: ...


class Library:
    """The references that come with the service, those in ``added``, and those ``elsewhere``."""

    def __init__(self, added: Path | None = None, elsewhere: Elsewhere | None = None) -> None:
        self._folders = [BUNDLED] if added is None else [BUNDLED, added]
        self._elsewhere = elsewhere

    def installed(self) -> Sequence[Reference]:
        """Every reference on this machine; one added under a bundled name is not possible."""
        found = [
            load(path.parent)
            for folder in self._folders
            for path in sorted(folder.glob("[!.]*/reference.json"))
        ]
        return tuple(found)

    def all(self) -> Sequence[Reference]:
        """Every reference there is; what is installed here stands before one of the same name."""
        here = self.installed()
        others = self._elsewhere.all() if self._elsewhere else ()
        names = {each.name for each in here}
        return (*here, *(each for each in others if each.name not in names))

    def get(self, name: str) -> Reference:
        """One reference, fetched if need be; ``NotFound`` with the names there are."""
        for folder in self._folders:
            if _is_plain(name) and (folder / name / "reference.json").is_file():
                return load(folder / name)
        if self._elsewhere and _is_plain(name) and (found := self._elsewhere.get(name)):
            return found
        names = ", ".join(each.name for each in self.all())
        raise NotFound(f"There is no reference “{name[:80]}”. Choose one of: {names}.")


def _is_plain(name: str) -> bool:
    """Names are folder names: nothing that could lead out of the folder."""
    letters = name.replace("-", "").replace(".", "").replace("_", "")
    return letters.isascii() and letters.isalnum() and name[0] != "."
