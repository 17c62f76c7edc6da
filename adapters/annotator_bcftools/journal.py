"""``log.txt``: what was done and found, for people. No times: it is part of the result."""

from __future__ import annotations

from typing import Any

from adapters.annotator_bcftools.consequences import CONSEQUENCES, UNKNOWN
from adapters.annotator_bcftools.references import Reference
from domain.errors import InputRejected
from domain.ports import Provenance
from domain.rejections import skip_reason

INDENT = "  "


def journal(
    done: dict[str, Any], *, input_line: str, provenance: Provenance, reference: Reference
) -> str:
    """The log of a successful run."""
    found = done["summary"]
    parts = [
        _about(input_line, provenance, reference),
        _input(done, found),
        _skipped(found, done["examples"]),
        _result(found),
    ]
    return "\n".join(part for part in parts if part)


def refusal(
    error: InputRejected, *, input_line: str, provenance: Provenance, reference: Reference
) -> str:
    """The log of a refused file."""
    return (
        _about(input_line, provenance, reference)
        + f"\nRefused ({error.code})\n{INDENT}{error}\n{INDENT}Nothing was annotated.\n"
    )


def _about(input_line: str, provenance: Provenance, reference: Reference) -> str:
    return (
        "GAS annotation log\n\n"
        f"Input      {input_line}\n"
        f"Reference  {reference.title} ({reference.name}, {reference.assembly})\n"
        f"{INDENT * 5} sha256 {provenance.reference_sha256}\n"
        f"Engine     {provenance.engine} {provenance.engine_version}\n"
        f"{INDENT * 5} {provenance.parameters}\n"
    )


def _input(done: dict[str, Any], found: dict[str, Any]) -> str:
    size = f"{found['records']:,} records, {done['samples']:,} samples"
    notes = [f"VCF {done['version']}, {size}, contigs: {_listed(done['contigs'])}"]
    if found["given"] != found["records"]:
        notes.append(f"{found['given']:,} records became {found['records']:,} by normalising.")
    if not done["sorted"]:
        notes.append("The records were not in order of position: they were sorted.")
    if not done["indexed"]:
        notes.append("No index could hold the positions (END in INFO is too large): there is none.")
    if done["crlf"]:
        notes.append("The lines ended as on Windows (CR LF): the result has plain line ends.")
    notes += [
        f"INFO/{tag} is declared {kind}, but line {line} has another value, which other tools may "
        "take for missing."
        for tag, (kind, line) in done["info_types"].items()
    ]
    return "Checked\n" + "".join(f"{INDENT}{note}\n" for note in notes)


def _skipped(found: dict[str, Any], examples: dict[str, list[tuple[int, str, int]]]) -> str:
    if not found["skipped"]:
        return ""
    lines = ["Left without annotation (the records are in the result, unchanged)"]
    for reason, count in found["skipped"].items():
        first = ", ".join(f"line {line} ({name}:{pos})" for line, name, pos in examples[reason])
        lines.append(f"{INDENT}{count:,} {skip_reason(reason)}")
        lines.append(f"{INDENT * 2}{'first: ' if count > len(examples[reason]) else ''}{first}")
    return "\n".join(lines) + "\n"


def _result(found: dict[str, Any]) -> str:
    known = f"; {found['known']:,} are known variants" if found["known"] else ""
    lines = [f"Annotated {found['annotated']:,} of {found['records']:,} records{known}"]
    for row in found["by_consequence"]:
        term = CONSEQUENCES.get(row["consequence"], UNKNOWN).term
        lines.append(
            f"{INDENT}{row['records']:>10,}  {term} ({row['so_accession']}, {row['impact']})"
        )
    ratio = found["ti_tv"]["ratio"]
    if ratio is not None:
        lines.append(f"{INDENT}Transitions to transversions: {ratio}")
    return "\n".join(lines) + "\n"


def _listed(names: list[str], most: int = 8) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
