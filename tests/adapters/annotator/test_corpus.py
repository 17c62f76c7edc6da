"""Every file of the corpus ends as it must, quickly and in little memory, and harms nothing."""

from __future__ import annotations

import gzip
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from adapters.annotator_bcftools.annotator import BcftoolsAnnotator
from domain.errors import InputRejected
from domain.rejections import REJECTIONS, SKIPPED
from tests.adapters.annotator.corpus import CORPUS, HOSTILE, MALFORMED, Case

SECONDS = 5
BYTES = 300 * 2**20


def _run(case: Case, workdir: Path, annotator: BcftoolsAnnotator | None = None) -> dict[str, int]:
    annotation = (annotator or BcftoolsAnnotator()).annotate(
        case.make(),
        reference=case.reference,
        workdir=workdir,
        limits=case.limits,
        progress=lambda step, percent: None,
        stopped=lambda: False,
    )
    assert annotation.records_in == annotation.records_out
    return annotation.skipped


def test_the_corpus_is_large_enough() -> None:
    assert len(MALFORMED) + len(HOSTILE) >= 60
    assert len({case.name for case in CORPUS}) == len(CORPUS)


@pytest.mark.parametrize("case", CORPUS, ids=lambda case: case.name)
def test_a_file_of_the_corpus_ends_as_it_must(case: Case, tmp_path: Path) -> None:
    annotator, began = BcftoolsAnnotator(), _cpu()
    if case.code is None:
        assert _run(case, tmp_path, annotator) == case.skipped
        text = gzip.decompress((tmp_path / "annotated.vcf.gz").read_bytes()).decode()
        records = [line for line in text.splitlines() if not line.startswith("#")]
        assert len(records) == case.records
    else:
        with pytest.raises(InputRejected) as refused:
            _run(case, tmp_path, annotator)
        found = (refused.value.code, refused.value.line, refused.value.column)
        assert found == (case.code, case.line, case.column or found[2])
        assert "…" not in str(refused.value), "every fact of the sentence is there"
    assert case.says in (tmp_path / "log.txt").read_text()
    assert 0 < annotator.usage.cpu_seconds + _cpu() - began <= SECONDS
    assert 0 < annotator.usage.peak_bytes <= BYTES


def _cpu() -> float:
    """CPU seconds of this process: what a busy machine does not change."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _unit() -> int:
    return 1 if sys.platform == "darwin" else 1024


@pytest.mark.parametrize("case", MALFORMED, ids=lambda case: case.name)
def test_the_early_look_never_refuses_for_another_reason(case: Case) -> None:
    head = case.make().read(65536)
    said = None
    try:
        BcftoolsAnnotator().peek(
            head, complete=len(head) < 65536, reference=case.reference, limits=case.limits
        )
    except InputRejected as refused:
        said = refused.code
    assert said in (None, case.code)


def test_the_caller_stays_small_whatever_is_sent(tmp_path: Path) -> None:
    program = (
        "import resource; from pathlib import Path;"
        "from tests.adapters.annotator.test_corpus import HOSTILE, _run, InputRejected\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "for at, case in enumerate(HOSTILE[:4]):\n"
        f"    try: _run(case, Path({str(tmp_path)!r}) / str(at))\n"
        "    except InputRejected: pass\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True, text=True, check=True, cwd=Path(__file__).parents[3],
    )  # fmt: skip
    assert int(done.stdout) * _unit() <= 20 * 2**20


def test_every_code_of_the_corpus_has_a_sentence_with_a_remedy() -> None:
    for case in CORPUS:
        assert case.code is None or case.code in REJECTIONS
        assert set(case.skipped) <= set(SKIPPED)
