"""What a backup carries of bytes: files in every class, and archives of one machine's vault."""

from __future__ import annotations

import tarfile
from contextlib import AbstractContextManager, closing, suppress
from dataclasses import dataclass, field
from typing import BinaryIO

from domain.errors import NotFound, WrongState
from domain.ports import ObjectHead, ObjectStore
from entrypoints.backup_cold import STANDARD, ColdClasses, Vault
from entrypoints.backup_format import Manifest, add, add_lines, lines, unpacked

FILES, ARCHIVES, ARCHIVE_LIST = "files/", "vault/", "vault.ndjson"


@dataclass(frozen=True)
class Bytes:
    """Where bytes are: the bucket, its cold classes if it has any, and the vault."""

    files: ObjectStore
    classes: ColdClasses | None
    vault: Vault

    def open(self, head: ObjectHead) -> AbstractContextManager[BinaryIO]:
        return self.classes.open(self.files, head) if self.classes else self.files.open(head.key)

    def restore(self, tar: tarfile.TarFile, manifest: Manifest) -> None:
        """Put files back into their class and archives under their id."""
        for name in manifest.digests:
            if name.startswith(FILES) and name not in manifest.gone:
                self._restore_file(tar, name, manifest)
        for archive in _archives(tar, manifest):
            with unpacked(tar, ARCHIVES + archive["id"]) as path:
                self.vault.adopt(archive, path)

    def _restore_file(self, tar: tarfile.TarFile, name: str, manifest: Manifest) -> None:
        key = name.removeprefix(FILES)
        storage_class = manifest.classes.get(key, STANDARD)
        with unpacked(tar, name) as path:
            if self.classes and storage_class != STANDARD:
                self.classes.upload(key, path, storage_class)
            else:
                self.files.upload(key, path)

    def check(self, tar: tarfile.TarFile, manifest: Manifest) -> None:
        """``BackupRefused`` when the archives of a backup cannot be taken here."""
        self.vault.check([archive["id"] for archive in _archives(tar, manifest)])


@dataclass
class Packing:
    """Packs what is not packed yet, as often as asked; what goes away meanwhile is left out."""

    source: Bytes
    tar: tarfile.TarFile
    manifest: Manifest
    _archives: dict[str, dict[str, object]] = field(default_factory=dict)

    def pack(self) -> None:
        for head in self.source.files.list():
            if FILES + head.key not in self.manifest.digests:
                with suppress(NotFound):
                    self._pack_file(head)
        for archive in self.source.vault.archives():
            if ARCHIVES + archive["id"] not in self.manifest.digests:
                with suppress(NotFound), closing(self.source.vault.content(archive["id"])) as data:
                    add(self.tar, self.manifest, ARCHIVES + archive["id"], data)
                    self._archives[archive["id"]] = archive

    def settle(self) -> None:
        """Have what is packed as it is now: packing takes long, and things move meanwhile."""
        self.pack()
        now = {FILES + head.key: head.storage_class for head in self.source.files.list()}
        packed = [name for name in self.manifest.digests if name.startswith(FILES)]
        self.manifest.gone = [name for name in packed if name not in now]
        self.manifest.classes = {
            name.removeprefix(FILES): now[name]
            for name in packed
            if now.get(name, STANDARD) != STANDARD
        }
        stays = self.manifest.stays.items()
        self.manifest.stays = {key: place for key, place in stays if FILES + key in now}
        there = {archive["id"] for archive in self.source.vault.archives()}
        self._archives = {key: row for key, row in self._archives.items() if key in there}

    def finish(self) -> None:
        """Count what is packed, and say what the archives are."""
        names = [name for name in self.manifest.digests if name.startswith(FILES)]
        self.manifest.files = len(names) - len(self.manifest.gone)
        rows = self._archives.values()
        self.manifest.archives = add_lines(self.tar, self.manifest, ARCHIVE_LIST, rows)

    def _pack_file(self, head: ObjectHead) -> None:
        try:
            with self.source.open(head) as data:
                add(self.tar, self.manifest, FILES + head.key, data)
        except WrongState:
            now = self.source.files.head(head.key) or head
            bucket = self.source.classes.bucket if self.source.classes else "of files"
            self.manifest.stays[head.key] = f"bucket {bucket}, class {now.storage_class}"
            return
        self.manifest.stays.pop(head.key, None)  # it may have been asleep a moment ago
        if head.storage_class != STANDARD:
            self.manifest.classes[head.key] = head.storage_class


def _archives(tar: tarfile.TarFile, manifest: Manifest) -> list[dict[str, str]]:
    return list(lines(tar, ARCHIVE_LIST)) if ARCHIVE_LIST in manifest.digests else []
