"""The warm starter: one process that forks every run, and what is left when something dies."""

from __future__ import annotations

import gc
import io
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from adapters.annotator_bcftools.annotator import BcftoolsAnnotator
from domain.ports import Annotation, EngineFailed, Interrupted, Limits
from tests.adapters.annotator.vcf import snv, vcf

SMALL = vcf([snv(300)]).encode()
LONG = vcf(snv(300 + at // 40) for at in range(60_000)).encode()
RUNS = 50


def annotate(
    by: BcftoolsAnnotator,
    workdir: Path,
    data: bytes = SMALL,
    progress: Callable[[str, int], None] = lambda step, percent: None,
    stopped: Callable[[], bool] = lambda: False,
) -> Annotation:
    return by.annotate(
        io.BytesIO(data), reference="sars-cov-2", workdir=workdir,
        limits=Limits(), progress=progress, stopped=stopped,
    )  # fmt: skip


def starters() -> set[psutil.Process]:
    return {each for each in psutil.Process().children() if _is_starter(each)}


def _is_starter(process: psutil.Process) -> bool:
    try:
        return "adapters.annotator_bcftools.starter" in process.cmdline()
    except psutil.NoSuchProcess:  # another test's, which has just ended
        return False


@pytest.fixture
def annotator() -> BcftoolsAnnotator:
    """One with a starter of its own: these tests kill it."""
    return BcftoolsAnnotator()


@pytest.fixture
def warm(annotator: BcftoolsAnnotator, tmp_path: Path) -> psutil.Process:
    """The starter of the annotator, which has run once."""
    before = starters()
    annotate(annotator, tmp_path / "first")
    (starter,) = starters() - before
    return starter


def test_runs_share_one_starter_with_one_thread(
    annotator: BcftoolsAnnotator, warm: psutil.Process, tmp_path: Path
) -> None:
    before = starters()
    annotate(annotator, tmp_path)
    assert starters() == before
    assert warm.num_threads() == 1


def test_a_starter_killed_between_runs_is_replaced(
    annotator: BcftoolsAnnotator, warm: psutil.Process, tmp_path: Path
) -> None:
    warm.kill()
    warm.wait(timeout=5)
    assert annotate(annotator, tmp_path).records_out == 1
    assert not warm.is_running()


def test_a_starter_killed_during_a_run_fails_that_run_alone(
    annotator: BcftoolsAnnotator, warm: psutil.Process, tmp_path: Path
) -> None:
    runs: list[psutil.Process] = []

    def kill(step: str, percent: int) -> None:
        if step == "annotating" and not runs:
            runs.extend(warm.children(recursive=True))
            warm.kill()

    with pytest.raises(EngineFailed) as failed:
        annotate(annotator, tmp_path / "long", LONG, kill)
    assert failed.value.code == "engine_crashed"
    assert runs
    assert not psutil.wait_procs(runs, timeout=5)[1]
    assert annotate(annotator, tmp_path / "next").records_out == 1


def test_a_starter_that_cannot_start_fails_the_run_and_is_tried_again(
    annotator: BcftoolsAnnotator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(sys, "executable", str(tmp_path / "no-such-python"))
        with pytest.raises(EngineFailed) as failed:
            annotate(annotator, tmp_path)
    assert failed.value.code == "engine_crashed"
    assert annotate(annotator, tmp_path).records_out == 1


def test_threads_run_side_by_side_and_one_stopped_run_leaves_the_other_alone(
    annotator: BcftoolsAnnotator, warm: psutil.Process, tmp_path: Path
) -> None:
    both = threading.Barrier(2, timeout=30)
    halfway = threading.Event()

    def meet(step: str, percent: int) -> None:
        if step == "annotating" and not halfway.is_set() and percent < 100:
            both.wait()
            halfway.set()

    with ThreadPoolExecutor(2) as pool:
        stopped = pool.submit(annotate, annotator, tmp_path / "a", LONG, meet, halfway.is_set)
        other = pool.submit(annotate, annotator, tmp_path / "b", LONG, meet)
        with pytest.raises(Interrupted):
            stopped.result(timeout=60)
        assert other.result(timeout=60).records_out == 60_000
    assert warm.children() == []


def test_fifty_runs_leave_no_process_and_no_open_file(
    annotator: BcftoolsAnnotator, warm: psutil.Process, tmp_path: Path
) -> None:
    processes = [psutil.Process(), warm]
    gc.collect()  # what earlier tests left open would be closed in between
    before = [each.num_fds() for each in processes]
    for number in range(RUNS):
        annotate(annotator, tmp_path / str(number))
    after = [each.num_fds() for each in processes]
    assert all(now <= then for now, then in zip(after, before, strict=True)), (before, after)
    assert warm.children() == []


def test_an_annotator_nobody_needs_any_more_takes_its_starter_along(tmp_path: Path) -> None:
    before = starters()
    annotator = BcftoolsAnnotator()
    annotate(annotator, tmp_path)
    assert len(starters() - before) == 1
    del annotator
    assert starters() <= before, "others may end as well: annotators of tests that are over"


def test_a_killed_worker_takes_starter_and_run_along(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    program = (
        "import os, sys, time; from pathlib import Path;"
        "from adapters.annotator_bcftools.annotator import BcftoolsAnnotator;"
        "from domain.ports import Limits;"
        f"BcftoolsAnnotator().annotate(sys.stdin.buffer, reference='sars-cov-2',"
        f" workdir=Path({str(tmp_path / 'job')!r}), limits=Limits(), stopped=lambda: False,"
        f" progress=lambda step, percent: step == 'annotating' and os.write({writing}, b'x')"
        " and time.sleep(60))"
    )
    worker = subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, pass_fds=[writing]
    )
    os.close(writing)
    assert worker.stdin is not None
    with worker.stdin as source:
        source.write(LONG)
    with os.fdopen(reading, "rb") as told:
        assert told.read(1) == b"x"
    family = psutil.Process(worker.pid).children(recursive=True)
    assert len(family) >= 3  # the starter, the run, and a fork of it
    worker.kill()
    worker.wait()
    assert not psutil.wait_procs(family, timeout=5)[1]
