"""The merging process: a fork that joins the engine's answers with the person's own lines."""

from __future__ import annotations

import gc
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from adapters.annotator_bcftools.forks import Fork
from adapters.annotator_bcftools.frames import read_frame, write_frame
from adapters.annotator_bcftools.header import Header
from adapters.annotator_bcftools.known import KnownVariants
from adapters.annotator_bcftools.merge import Merge
from adapters.annotator_bcftools.pipes import wide_pipe
from adapters.annotator_bcftools.references import Reference, contigs_by_name
from adapters.annotator_bcftools.tally import Batch
from domain.ports import Options

# Level 4 takes half the time of the usual 6, and 15 % more room; pysam's types do not know it.
PACKED: Any = "wb4"


class Merging:
    """The merging fork as its parent sees it; ``engine_output`` is where csq must write.

    ``rows``: the descriptor the table's rows go to, closed here.
    """

    def __init__(
        self, header: Header, temporary: Path, reference: Reference, options: Options, rows: int
    ) -> None:
        engine_in, self.engine_output = wide_pipe()
        spool = temporary / "frames"
        self._frames = spool.open("wb", buffering=1 << 18)
        self._counts = temporary / "merge.json"

        def work() -> None:
            os.close(self.engine_output)
            with spool.open("rb") as frames, os.fdopen(engine_in, "rb") as engine:
                join = Joining(header, temporary, reference, options)
                join.run(frames, engine, rows)

        self._fork = Fork("merging", work)
        os.close(engine_in)
        os.close(rows)
        self._open, self.seconds = True, 0.0

    def write(self, batch: Batch) -> None:
        """Hand the person's own lines over."""
        write_frame(self._frames, batch.lines, batch.unsent)

    def finish(self) -> dict[str, Any]:
        """Wait for the body to be whole; what was counted."""
        self._close()
        self._fork.wait()
        self.seconds = self._fork.seconds
        counts: dict[str, Any] = json.loads(self._counts.read_text())
        return counts

    def abandon(self) -> None:
        """End it, if it still runs."""
        self._fork.kill()
        self._close()

    def _close(self) -> None:
        if self._open:
            os.close(self.engine_output)
            self._open = False
        self._frames.close()


@dataclass(frozen=True, slots=True)
class Joining:
    """What the merging fork does."""

    header: Header
    temporary: Path
    reference: Reference
    options: Options

    def run(self, frames: BinaryIO, engine: BinaryIO, rows: int) -> None:
        """Write ``body.gz``, ``merge.json`` and the table's rows from what the two others give."""
        import pysam

        gc.disable()  # nothing here makes cycles, and looking for them takes a tenth of the time
        known = self._known()
        with (
            pysam.BGZFile(str(self.temporary / "body.gz"), PACKED, None) as body,
            os.fdopen(rows, "wb", buffering=1 << 18) as table,
        ):
            joined = Merge(
                write=body.write,
                rows=table.write,
                sites_only=self.header.width == 8,
                had_bcsq=any(b"=<ID=BCSQ," in line for line in self.header.meta),
                known=known,
                haplotypes=self.options.haplotypes,
            )
            joined.run(lambda: read_frame(frames), engine)
        counts = joined.counts.document() | {"named": known.named if known else 0}
        (self.temporary / "merge.json").write_text(json.dumps(counts))

    def _known(self) -> KnownVariants | None:
        path, names = self.reference.known, contigs_by_name(self.reference)
        return KnownVariants(path, self.reference.known_columns, names) if path else None
