"""The annotating child: one request on standard input, reports on standard output, one per line.

Forked by the warm starter, which has loaded all it needs, before the file is even there. When
standard input ends before a request came, so do we.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from adapters.annotator_bcftools import sandbox
from adapters.annotator_bcftools.engine import FORMAT_LINE, INFO_LINE
from adapters.annotator_bcftools.forks import EngineDied, Fork
from adapters.annotator_bcftools.known import header_lines
from adapters.annotator_bcftools.pipeline import Outcome, Pass
from adapters.annotator_bcftools.references import Contig, Library, contigs_by_name, load
from adapters.annotator_bcftools.summary import summary, write_json
from domain.errors import InputRejected
from domain.ports import Limits, Options

BGZF_END_BYTES = 28


def report(kind: str, **what: Any) -> None:
    """One line for the parent; when it is gone, so are we."""
    try:
        sys.stdout.write(json.dumps({"kind": kind, **what}) + "\n")
        sys.stdout.flush()
    except BrokenPipeError:
        os._exit(1)


def main(starter: int) -> None:
    """Wait for the request, close ourselves in, annotate, report; die with ``starter``."""
    bound = sandbox.die_with_parent(starter)
    line = sys.stdin.buffer.readline()
    if not line:
        return
    if not bound:
        threading.Thread(target=_end_with_parent, daemon=True).start()
    request = json.loads(line)
    limits = Limits(**request["limits"])
    sandbox.close_in(limits)
    try:
        report("done", **annotate(request, limits))
    except InputRejected as error:
        place = {"line": error.line, "column": error.column}
        report("rejected", code=error.code, facts=error.facts, **place)
    except EngineDied as error:
        report("failed", code=error.code, detail=str(error))
    except MemoryError:
        report("failed", code="engine_out_of_memory", detail="checking took too much memory")


def _end_with_parent() -> None:
    """Where the kernel does not tie us to the parent, the end of standard input does."""
    sys.stdin.buffer.read()
    os.killpg(0, signal.SIGKILL)


def annotate(request: dict[str, Any], limits: Limits) -> dict[str, Any]:
    """Make the products in ``workdir``. Raises InputRejected and EngineDied."""
    workdir, temporary = Path(request["workdir"]), Path.cwd()
    library = Library(Path(request["references"]) if request["references"] else None)
    reference, options = load(Path(request["reference"])), Options(**request["options"])
    way = Pass(
        source=Path(request["source"]),
        reference=reference,
        library=library,
        limits=limits,
        temporary=temporary,
        progress=lambda step, percent: report("progress", step=step, percent=percent),
        options=options,
    )
    outcome = way.run()
    if outcome.counts["records"] != outcome.tally.records:
        raise EngineDied("engine_lost_records", "records in and out differ")
    report("progress", step="storing", percent=0)
    known = reference.known
    columns = header_lines(known, reference.known_columns) if known else []
    bits = [FORMAT_LINE] if options.haplotypes else []
    ours = [INFO_LINE, *bits, *columns, *(line.encode() for line in request["provenance"])]
    checking = time.process_time()
    write_vcf(outcome, ours, contigs_by_name(reference), workdir / "annotated.vcf.gz")
    statistics = Fork("bcftools stats", lambda: write_statistics(workdir))
    indexed = index(workdir / "annotated.vcf.gz")
    wait_for(statistics, way.look_through)
    found = summary(outcome.tally, outcome.counts)
    found["table"] = outcome.table.finish(workdir / "variants.parquet")
    found["given"] = outcome.given
    write_json(found, workdir / "summary.json")
    return {
        "summary": found,
        "sorted": outcome.was_sorted,
        "crlf": outcome.crlf,
        "indexed": indexed,
        "info_types": outcome.info_types,
        "version": outcome.header.version,
        "samples": len(outcome.header.samples),
        "examples": outcome.tally.examples,
        "contigs": list(outcome.tally.per_contig),
        "seconds": {
            "checking": checking,
            **outcome.seconds,
            "index": time.process_time() - checking,
            "statistics": statistics.seconds,
            "table": outcome.table.seconds,
        },
    }


def write_vcf(outcome: Outcome, ours: list[bytes], names: dict[str, Contig], path: Path) -> None:
    """Header and body as one BGZF file: blocks of compressed files may follow each other."""
    import pysam

    temporary = Path.cwd()
    seen = [(name, names[name].length if name in names else 0) for name in outcome.tally.per_contig]
    with pysam.BGZFile(str(temporary / "header.gz"), "wb", None) as out:
        out.write(outcome.header.written(seen, ours))
    with path.open("wb") as whole:
        whole.write((temporary / "header.gz").read_bytes()[:-BGZF_END_BYTES])
        with (temporary / "body.gz").open("rb") as body:
            shutil.copyfileobj(body, whole, 2**20)


def index(path: Path) -> bool:
    """Write ``.tbi``, or ``.csi`` where a position is too large for it; whether one was written.

    An END in INFO beyond both is the person's own, and no reason to withhold the result.
    """
    import pysam

    for csi in (False, True):
        with contextlib.suppress(OSError):
            pysam.tabix_index(str(path), preset="vcf", force=True, csi=csi)
            return True
    return False


def wait_for(statistics: Fork, look_through: Callable[[], None]) -> None:
    """The engine saw lines of our making; this is the first time htslib reads the person's own.

    Raises InputRejected when it cannot, from ``look_through``.
    """
    try:
        statistics.wait()
    except EngineDied as error:
        if error.code != "engine_crashed":
            raise
        look_through()


def write_statistics(workdir: Path) -> None:
    """``stats.txt`` as MultiQC reads it; run from the folder, so that no path is in it."""
    import pysam.bcftools

    os.chdir(workdir)
    pysam.bcftools.stats("annotated.vcf.gz", catch_stdout=False, save_stdout="stats.txt")
