"""A run as the worker sees it: progress, being stopped, and an engine that falls over."""

from __future__ import annotations

import io
import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from adapters.annotator_bcftools.annotator import BcftoolsAnnotator
from domain.ports import EngineFailed, Interrupted, Limits
from tests.adapters.annotator.conftest import Bench
from tests.adapters.annotator.test_starter import starters
from tests.adapters.annotator.vcf import snv, vcf

LONG = vcf(snv(300 + at // 40) for at in range(120_000))


def annotate(workdir: Path, told: list[tuple[str, int]], *, stop_at: str = "") -> None:
    """Annotate the long file; stopped once the step is told."""
    BcftoolsAnnotator().annotate(
        io.BytesIO(LONG.encode()),
        reference="sars-cov-2",
        workdir=workdir,
        limits=Limits(),
        progress=lambda step, percent: told.append((step, percent)),
        stopped=lambda: any(step == stop_at and percent > 10 for step, percent in told),
    )


def test_progress_goes_up_through_the_steps(tmp_path: Path) -> None:
    told: list[tuple[str, int]] = []
    annotate(tmp_path, told)
    steps = list(dict.fromkeys(step for step, _ in told))
    assert steps == ["checking", "annotating", "storing"]
    percents = [percent for step, percent in told if step == "annotating"]
    assert percents == sorted(percents)
    assert percents[-1] == 100
    assert len(percents) > 5


def test_a_run_stopped_half_way_ends_at_once_and_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(Interrupted):
        annotate(tmp_path, [], stop_at="annotating")
    assert not [path for path in tmp_path.iterdir() if path.name.endswith(".gz")]
    assert not [run for starter in starters() for run in starter.children()]


@pytest.mark.parametrize(
    ("which", "number", "code"),
    [(max, signal.SIGSEGV, "engine_crashed"), (min, signal.SIGKILL, "engine_killed")],
    ids=["csq", "the table"],
)
def test_a_part_that_falls_over_fails_the_run_and_the_next_one_is_fine(
    run: Bench, tmp_path: Path, which: Callable[[list[int]], int], number: int, code: str
) -> None:
    failures: list[EngineFailed] = []

    def work() -> None:
        try:
            annotate(tmp_path, [])
        except EngineFailed as failure:
            failures.append(failure)

    thread = threading.Thread(target=work)
    thread.start()
    os.kill(which(_forks()), number)
    thread.join(timeout=60)
    assert [failure.code for failure in failures] == [code]
    assert not (tmp_path / "annotated.vcf.gz").exists()
    assert run(vcf([snv(300)])).annotation.records_out == 1


def _forks() -> list[int]:
    """Table, merge and csq, in the order of their start, once they have worked a little."""
    ends = time.monotonic() + 30
    while time.monotonic() < ends:
        forks = [
            fork.pid
            for starter in starters()
            for child in starter.children()
            for fork in child.children()
            if fork.is_running()
        ]
        if len(forks) >= 3:
            time.sleep(0.05)
            return sorted(forks)
        time.sleep(0.005)
    raise AssertionError("no engine was started")
