"""``summary.json``: what a run found, in numbers. Records are counted, not record-effect pairs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from adapters.annotator_bcftools.consequences import CONSEQUENCES, IMPACTS, UNKNOWN
from adapters.annotator_bcftools.tally import Tally

FORMAT = 1


def summary(tally: Tally, counts: dict[str, Any]) -> dict[str, Any]:
    """Counts by consequence (Sequence Ontology), impact, gene, contig, kind of change."""
    return {
        "format": FORMAT,
        "records": counts["records"],
        "annotated": counts["annotated"],
        "known": counts["named"],
        "skipped": dict(sorted(tally.skipped.items())),
        "by_consequence": _consequences(counts["by_consequence"]),
        "by_impact": {name: counts["by_impact"].get(name, 0) for name in IMPACTS},
        "by_gene": _genes(counts["by_gene"]),
        "by_contig": dict(tally.per_contig),
        **tally.changes.counted(),
    }


def _consequences(found: dict[str, int]) -> list[dict[str, Any]]:
    rows = []
    for name, records in sorted(found.items(), key=lambda item: (-item[1], item[0])):
        term, accession, impact = CONSEQUENCES.get(name, UNKNOWN)
        rows.append(
            {
                "consequence": name,
                "so_term": term,
                "so_accession": accession,
                "impact": impact,
                "records": records,
            }
        )
    return rows


def _genes(found: dict[str, dict[str, int]]) -> list[dict[str, Any]]:
    rows = [
        {"gene": gene, "records": sum(impacts.values()), **{i: impacts.get(i, 0) for i in IMPACTS}}
        for gene, impacts in found.items()
    ]
    return sorted(rows, key=lambda row: (-row["records"], row["gene"]))


def write_json(document: dict[str, Any], path: Path) -> None:
    """One line per part; the same content is always the same bytes."""
    parts = (f'"{name}": {json.dumps(part, ensure_ascii=False)}' for name, part in document.items())
    path.write_text("{\n" + ",\n".join(parts) + "\n}\n")
