"""A reference added once is fetched from the bucket by every machine, checked, and used."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from adapters.annotator_bcftools.adding import Order, add
from adapters.annotator_bcftools.annotator import BcftoolsAnnotator
from adapters.annotator_bcftools.fasta import BadReference
from adapters.annotator_bcftools.references import BUNDLED
from adapters.annotator_bcftools.shared import SharedReferences
from adapters.annotator_bcftools.warm import WarmStarter
from adapters.objects_s3 import S3Objects
from domain.errors import NotFound
from tests.adapters.annotator.conftest import Bench
from tests.cloud import Stack

MT = BUNDLED / "human-mt"


class Counted(S3Objects):
    """The real bucket, which counts what is opened and lets two readers meet at the manifest."""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.opened: list[str] = []
        self._meeting = threading.Barrier(2, timeout=20)

    def open(self, key: str, *, if_match: str | None = None) -> BinaryIO:
        self.opened.append(key.rpartition("/")[2])
        stream = super().open(key, if_match=if_match)
        if key.endswith("/manifest.json"):
            self._meeting.wait()
        return stream


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A reference as `gas reference add` leaves it."""
    folder = tmp_path_factory.mktemp("adding")
    order = Order("copy", str(MT / "genome.fa"), str(MT / "genes.gff3"))
    add(order, folder, progress=lambda source, done: None)
    return folder / "copy"


@pytest.fixture
def bucket(stack: Stack, built: Path, tmp_path: Path) -> S3Objects:
    """A bucket that has it."""
    SharedReferences(stack.files, tmp_path / "elsewhere").publish(built)
    return stack.files


def cached(cache: Path) -> list[str]:
    return sorted(path.name for path in cache.iterdir() if not path.name.endswith(".lock"))


def test_another_machine_lists_fetches_and_uses_it(
    run: Bench, starter: WarmStarter, bucket: S3Objects, tmp_path: Path
) -> None:
    worker = BcftoolsAnnotator(tmp_path, starter, bucket)
    assert [each.name for each in worker.references()] == ["human-mt", "sars-cov-2", "copy"]
    assert not (tmp_path / ".shared").exists(), "a list needs no genome"
    example = (MT / "example.vcf").read_bytes()
    assert run(example, "copy", by=worker).records == run(example, "human-mt").records
    told = worker.provenance("copy").reference_sha256
    assert told == next(each.sha256 for each in worker.references() if each.name == "copy")
    with pytest.raises(NotFound, match="human-mt, sars-cov-2, copy"):
        worker.example("klingon")


def test_two_workers_of_one_machine_fetch_it_once(
    bucket: S3Objects, stack: Stack, tmp_path: Path
) -> None:
    counted = Counted(stack.aws.client("s3"), bucket.bucket)
    workers = [SharedReferences(counted, tmp_path / "cache") for _ in range(2)]
    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(lambda worker: worker.get("copy"), workers))
    assert found[0] is not None
    assert found[0] == found[1]
    assert counted.opened.count("genome.fa") == 1
    assert len(cached(tmp_path / "cache")) == 1


def test_what_a_killed_worker_had_fetched_half_is_thrown_away(
    bucket: S3Objects, built: Path, tmp_path: Path
) -> None:
    shared, cache = SharedReferences(bucket, tmp_path / "cache"), tmp_path / "cache"
    whole = shared.get("copy")
    assert whole is not None
    half = cache / f".fetching-{whole.folder.name}-killed"
    whole.folder.rename(half)
    (half / "genome.fa").write_text(">MT\nACG")
    again = shared.get("copy")
    assert again is not None
    assert again.genome.read_bytes() == (built / "genome.fa").read_bytes()
    assert cached(cache) == [again.folder.name]


@pytest.mark.parametrize(
    "harm",
    [
        lambda bucket, key: bucket.put(key, b">MT\nACGT\n"),
        lambda bucket, key: bucket.delete([key]),
        lambda bucket, key: bucket.put("references/copy/manifest.json", b"{}"),
    ],
    ids=["altered", "gone", "manifest"],
)
def test_what_was_altered_in_the_bucket_is_never_used(
    bucket: S3Objects, tmp_path: Path, harm: Callable[[S3Objects, str], object]
) -> None:
    genome = next(head.key for head in bucket.list("references/") if head.key.endswith(".fa"))
    harm(bucket, genome)
    cache = tmp_path / "cache"
    with pytest.raises(BadReference, match="The shared reference copy is damaged"):
        SharedReferences(bucket, cache).get("copy")
    assert not cache.exists() or cached(cache) == []


def test_a_manifest_cannot_write_outside_the_cache(bucket: S3Objects, tmp_path: Path) -> None:
    with bucket.open("references/copy/manifest.json") as stream:
        manifest = stream.read()
    bucket.put("references/copy/manifest.json", manifest.replace(b'"example.vcf"', b'"../x.vcf"'))
    with pytest.raises(BadReference, match="damaged"):
        SharedReferences(bucket, tmp_path).get("copy")


def test_a_name_is_shared_once_until_it_is_removed(
    bucket: S3Objects, built: Path, tmp_path: Path
) -> None:
    shared = SharedReferences(bucket, tmp_path / "cache")
    shared.publish(built)
    order = Order("copy", str(MT / "genome.fa"), str(MT / "genes.gff3"), codes={"MT": 1})
    add(order, tmp_path, progress=lambda source, done: None)
    with pytest.raises(BadReference, match="Another reference copy is shared already"):
        shared.publish(tmp_path / "copy")
    shared.remove("copy")
    assert list(bucket.list("references/")) == []
    assert shared.get("copy") is None
    shared.publish(tmp_path / "copy")
    found = shared.get("copy")
    assert found is not None
    assert found.contigs[0].genetic_code == 1


def test_a_list_leaves_out_what_is_damaged_and_does_without_a_bucket(
    bucket: S3Objects, stack: Stack, tmp_path: Path
) -> None:
    bucket.put("references/broken/manifest.json", b"{}")
    assert [each.name for each in SharedReferences(bucket, tmp_path).all()] == ["copy"]
    nowhere = S3Objects(stack.aws.client("s3"), f"{stack.prefix}-nowhere")
    assert SharedReferences(nowhere, tmp_path).all() == ()
    with pytest.raises(Exception, match="NoSuchBucket"):
        list(nowhere.list("references/"))
