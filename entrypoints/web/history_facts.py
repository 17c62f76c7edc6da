"""FIELDS: what each value of an event, or of a job as it stood, is called and how it is written."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from domain.rejections import skip_reason
from entrypoints.job_history import flat
from entrypoints.web.formats import NOTHING, count, duration, moment, size, words
from entrypoints.web.statuses import STATUSES

Write = Callable[[Any], str | Markup]


@dataclass(frozen=True, slots=True)
class Fact:
    """One value with its name; ``copied`` is what a button beside it copies."""

    name: str
    value: str | Markup
    copied: str = ""
    first: bool = False  # worth being seen without unfolding


def _code(value: object) -> Markup:
    return Markup("<code>{}</code>").format(value)


def _yes(value: bool) -> str:
    return "yes" if value else "no"


STORAGE = {
    "none": "none yet",
    "available": "can be downloaded",
    "archiving": "being archived",
    "archived": "archived",
    "thawing": "being restored",
    "removed": "removed",
}
PLACES = {"s3_glacier": "S3, cold storage class", "glacier_vault": "Glacier vault"}
# where to go from: a file's name in the log -> what people call it
FILES = {
    "input": "Your input",
    "result": "Annotated VCF",
    "index": "Index",
    "log": "Log",
    "summary": "Summary",
    "stats": "Statistics",
    "table": "Table of variants",
}
# what is worth being seen without unfolding: of an event, and of a job as it stood
FIRST = frozenset({"result.sha256"})
FIRST_OF_STATE = frozenset(
    {
        *("status", "storage", "reference", "submitted_at", "started_at", "completed_at"),
        *("attempt", "archives_at", "archived_at", "expected_by", "restore_problem"),
        *("records_in", "error.message", "input.bytes", "result.bytes", "result.sha256"),
    }
)

FIELDS: dict[str, tuple[str, Write]] = {
    "status": ("Status", lambda v: STATUSES[v].word),
    "storage": ("Result", lambda v: STORAGE[v]),
    "reference": ("Reference", str),
    "submitted_at": ("Submitted", moment),
    "started_at": ("Started", moment),
    "completed_at": ("Ended", moment),
    "attempt": ("Attempt", str),
    "archives_at": ("Archives", moment),
    "archived_at": ("Archived since", moment),
    "expected_by": ("Expected back by", moment),
    "restore_problem": ("Restoring", str),
    "input_removed": ("Input removed", _yes),
    "deletion_requested": ("Deletion asked for", _yes),
    "input_sha256": ("Your input, SHA-256", _code),
    "records_in": ("Variants in the file", count),
    "records_out": ("Variants in the result", count),
    "seconds": ("Time taken", duration),
    "code": ("Code", _code),
    "error.code": ("Code", _code),
    "error.line": ("Line", count),
    "error.message": ("Why", str),
    "failure.code": ("Code", _code),
    "failure.line": ("Line", count),
    "failure.column": ("Column", count),
    "final": ("Tried again", lambda v: _yes(not v)),
    "engine": ("Engine", str),
    "engine_version": ("Engine version", str),
    "parameters": ("Engine options", _code),
    "reference_sha256": ("Reference, SHA-256", _code),
    "due": ("Archives", moment),
    "policy": ("Rule", str),
    "in_place": ("Moved as a whole", _yes),
    "backend": ("Kept in", lambda v: PLACES.get(v) or str(v)),
    "storage_class": ("Storage class", _code),
    "tier_asked": ("Speed asked for", str),
    "tier_got": ("Speed given", str),
    "retryable": ("Tried again", _yes),
    "bytes": ("Size", size),
    "sha256": ("SHA-256", _code),
    "reason": ("Reason", str),
    "removed.files": ("Files removed", count),
    "options.haplotypes": ("Judge haplotypes", _yes),
    "options.normalise": ("Normalise first", _yes),
    **{f"{file}.bytes": (f"{name}, size", size) for file, name in FILES.items()},
    **{f"{file}.sha256": (f"{name}, SHA-256", _code) for file, name in FILES.items()},
}
# values that come in families: what stands before the name, and how the name is put
FAMILIES: dict[str, tuple[Callable[[str], str], Write]] = {
    "by_consequence": (lambda name: f"Consequence: {words(name)}", count),
    "by_impact": (lambda name: f"Impact: {words(name)}", count),
    "skipped": (lambda name: f"Left as they were: {skip_reason(name)}", count),
    "products": (lambda name: f"{name}, SHA-256", _code),
}
HIDDEN = frozenset(
    {
        *("id", "version", "owner"),
        *("provenance.reference", "products.annotated.vcf.gz", "products.log.txt"),  # said before
    }
)
LEVELS = ("files.", "summary.", "provenance.")  # said by the names already


def facts_of(document: Mapping[str, Any], first: Container[str] = FIRST) -> list[Fact]:
    """Every value of a document that is there, in its order; ``first``: not to be folded away."""
    values = shown(flat(dict(document)))
    return [fact(path, value, first) for path, value in values if value is not None]


def shown(values: Iterable[tuple[str, Any]]) -> list[tuple[str, Any]]:
    """Without what says nothing to people."""
    return [(path, value) for path, value in values if path not in HIDDEN and value != []]


def fact(path: str, value: object, first: Container[str] = FIRST) -> Fact:
    """One value under its name; what has no name of its own is named by its path."""
    plain = _plain(path)
    name, write = _written(plain)
    text = NOTHING if value is None else write(value)
    copied = str(value) if value and "sha256" in plain.lower() + name.lower() else ""
    return Fact(name, text, copied, plain in first)


def _written(plain: str) -> tuple[str, Write]:
    if plain in FIELDS:
        return FIELDS[plain]
    family, _, name = plain.partition(".")
    if family in FAMILIES and name:
        called, write = FAMILIES[family]
        return called(name), write
    return words(plain.replace(".", " ")).capitalize(), str


def _plain(path: str) -> str:
    level = next((level for level in LEVELS if path.startswith(level)), "")
    return path.removeprefix(level)
