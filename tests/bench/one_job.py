"""``python -m tests.bench.one_job FOLDER STACK REFERENCE KEY``: one job as a worker does it.

From the hint to the recorded outcome: lease, input from the store, annotation, products to the
store, event. A small job before it warms the worker up.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from adapters.annotator_bcftools.annotator import BcftoolsAnnotator
from domain.context import acting
from domain.job_events import InputRef
from domain.ports import Annotation, Limits
from entrypoints.bootstrap import Gas
from entrypoints.settings import Settings
from projections.annotation import AnnotationWork
from tests.bench.memory import peak


class Watched(BcftoolsAnnotator):
    """The annotator, which keeps what its last run told and took."""

    def annotate(self, *given: Any, **named: Any) -> Annotation:
        began = time.monotonic()
        self.made = super().annotate(*given, **named)
        self.wall = time.monotonic() - began
        return self.made


def main(folder: Path, stack: str, reference: str, key: str) -> None:
    """Print wall seconds, the seconds of each stage and peak bytes as JSON."""
    annotator = Watched(folder)
    with tempfile.TemporaryDirectory(dir=folder) as data:
        gas = Gas(Settings(data_dir=Path(data), stack=stack), annotator=annotator)
        gas.files.put("inputs/warm", annotator.example("sars-cov-2"))
        run(gas, "sars-cov-2", "inputs/warm")
        wall = run(gas, reference, key)
    seconds = {**annotator.made.seconds, "storing": wall - annotator.wall}
    document = {
        "wall": wall,
        "seconds": seconds,
        "worker": peak(),
        "child": annotator.usage.peak_bytes,
    }
    print(json.dumps(document))


def run(gas: Gas, reference: str, key: str) -> float:
    """Wall seconds of one job, from the hint to the recorded outcome."""
    job_id = submit(gas, reference, key)
    work = gas.work("annotation")
    assert isinstance(work, AnnotationWork)
    began = time.monotonic()
    replace(work, limits=lambda job: Limits()).attend(job_id, at_least=1, stopping=lambda: False)
    wall = time.monotonic() - began
    assert gas.service.job(job_id).work == "completed"
    return wall


def submit(gas: Gas, reference: str, key: str) -> UUID:
    """A job whose input lies in the store already."""
    head = gas.files.head(key)
    assert head is not None
    stored = InputRef(key=key, bytes=head.bytes, etag=head.etag)
    with acting("system:bench"):
        recorded = gas.service.submit_job(
            job_id=uuid4(), owner=uuid4(), input=stored, reference=reference, options={}
        )
    return recorded.aggregate.id


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:5])
