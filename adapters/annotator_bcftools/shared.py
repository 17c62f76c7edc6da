"""References in the service's bucket: added once, fetched by every machine that needs them.

``references/NAME/manifest.json`` says what a reference is and the digest of each of its files, and
those lie in ``references/NAME/DIGEST/``. It is written last: a reference is there whole or not.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog

from adapters.annotator_bcftools.fasta import BadReference
from adapters.annotator_bcftools.references import Reference, reference_of
from domain.errors import NotFound
from domain.ports import ObjectStore

log = structlog.get_logger()
PREFIX = "references"
MANIFEST = "manifest.json"
FRESH_SECONDS = 10.0  # how long a listing of the bucket is believed
CHUNK = 2**20
FILES = (
    "reference.json", "genome.fa", "genome.fa.fai", "genes.gff3", "example.vcf",
    "known.vcf.gz", "known.vcf.gz.tbi", "known.vcf.gz.csi",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Manifest:
    """``document`` is the reference's own; ``files``: name -> sha256 in hex."""

    document: dict[str, Any]
    files: dict[str, str]

    @property
    def name(self) -> str:
        return str(self.document["name"])

    @property
    def digest(self) -> str:
        """Over all files, so that another content never meets an old cache."""
        listing = "".join(f"{name} {digest}\n" for name, digest in sorted(self.files.items()))
        return hashlib.sha256(listing.encode()).hexdigest()

    def key(self, file: str) -> str:
        return f"{PREFIX}/{self.name}/{self.digest}/{file}"


class SharedReferences:
    """The bucket's references and this machine's cache of them, for any thread and process."""

    def __init__(self, store: ObjectStore, cache: Path) -> None:
        self._store, self._cache = store, cache
        self._listed: tuple[float, tuple[Manifest, ...]] = (-FRESH_SECONDS, ())

    def all(self) -> Sequence[Reference]:
        """What is in the bucket, fetched or not; what was there, while it does not answer."""
        at, found = self._listed
        if time.monotonic() - at >= FRESH_SECONDS:
            try:
                found = tuple(self._whole_ones())
            except Exception:  # of whatever kind the store's are: a page can do without
                log.warning("references.bucket_silent", exc_info=True)
            self._listed = (time.monotonic(), found)
        return tuple(reference_of(each.document, self._folder(each)) for each in found)

    def _whole_ones(self) -> Iterator[Manifest]:
        """A damaged one is left out here, and says so when it is asked for."""
        keys = [head.key for head in self._store.list(f"{PREFIX}/")]
        for name in (key.split("/")[1] for key in keys if key.endswith(f"/{MANIFEST}")):
            try:
                if manifest := self._manifest(name):
                    yield manifest
            except BadReference as error:
                log.warning("references.damaged", name=name, says=str(error))

    def get(self, name: str) -> Reference | None:
        """A reference in this machine's cache, fetched if need be; None if there is none.

        Raises BadReference when what is in the bucket is not what was put there.
        """
        manifest = self._manifest(name)
        if manifest is None:
            return None
        folder = self._folder(manifest)
        if not folder.exists():
            with self._alone(manifest.name):
                if not folder.exists():
                    self._fetch(manifest, folder)
        return reference_of(manifest.document, folder)

    def publish(self, folder: Path) -> None:
        """Put an installed reference into the bucket. Raises BadReference for a taken name."""
        files = {name: _sha256(folder / name) for name in FILES if (folder / name).exists()}
        manifest = Manifest(json.loads((folder / "reference.json").read_text()), files)
        there = self._manifest(manifest.name)
        if there is not None and there.digest != manifest.digest:
            raise BadReference(
                f"Another reference {manifest.name} is shared already. Remove it first: "
                f"gas reference remove --shared {manifest.name}"
            )
        for name in files:
            self._store.upload(manifest.key(name), folder / name)
        document = {"document": manifest.document, "files": files}
        self._store.put(_manifest_key(manifest.name), json.dumps(document).encode())

    def remove(self, name: str) -> None:
        """Take a reference out of the bucket, the manifest first. Raises BadReference."""
        keys = [head.key for head in self._store.list(f"{PREFIX}/{name}/")]
        if not keys:
            raise BadReference(f"There is no shared reference {name[:80]}.")
        self._store.delete([_manifest_key(name)])
        self._store.delete(keys)

    def _manifest(self, name: str) -> Manifest | None:
        try:
            with self._store.open(_manifest_key(name)) as stream:
                found = json.loads(stream.read())
            manifest = Manifest(found["document"], found["files"])
        except NotFound:
            return None
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise _altered(name, MANIFEST) from error
        if manifest.name != name or not {"reference.json"} <= set(manifest.files) <= set(FILES):
            raise _altered(name, MANIFEST)
        return manifest

    def _folder(self, manifest: Manifest) -> Path:
        return self._cache / f"{manifest.name}-{manifest.digest[:16]}"

    def _fetch(self, manifest: Manifest, folder: Path) -> None:
        """Into a folder of another name first: a half-fetched one is never used."""
        beginning = f".fetching-{folder.name}-"
        for left in self._cache.glob(f"{beginning}*"):  # by one that was killed: we hold the lock
            shutil.rmtree(left)
        with tempfile.TemporaryDirectory(dir=self._cache, prefix=beginning) as temporary:
            whole = Path(temporary) / "whole"
            whole.mkdir()
            for name, digest in manifest.files.items():
                self._fetch_file(manifest, name, digest, whole / name)
            whole.rename(folder)

    def _fetch_file(self, manifest: Manifest, name: str, digest: str, to: Path) -> None:
        found = hashlib.sha256()
        try:
            with self._store.open(manifest.key(name)) as source, to.open("wb") as target:
                while chunk := source.read(CHUNK):
                    found.update(chunk)
                    target.write(chunk)
        except NotFound:
            raise _altered(manifest.name, name) from None
        if found.hexdigest() != digest:
            raise _altered(manifest.name, name)

    @contextmanager
    def _alone(self, name: str) -> Iterator[None]:
        """One at a time on this machine; the others find it fetched."""
        self._cache.mkdir(parents=True, exist_ok=True)
        with (self._cache / f".{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def _manifest_key(name: str) -> str:
    return f"{PREFIX}/{name}/{MANIFEST}"


def _altered(name: str, file: str) -> BadReference:
    return BadReference(
        f"The shared reference {name} is damaged: {file} in the bucket is not what was put there. "
        f"Put it there again: gas reference remove --shared {name}, gas reference share {name}."
    )


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
