"""Cold storage as it is chosen now and as it was before: an archive is found where it was put."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from threading import Lock

from domain.ports import (
    Archive,
    ArchiveFailed,
    ArchiveRef,
    ColdFile,
    ObjectHead,
    Retrieval,
    RetrievalState,
)


class Archives:
    """The port ``Archive`` over every backend there is; ``chosen`` takes what is archived from now.

    What an event recorded stays where it is when the setting changes, and comes back from there.
    """

    def __init__(self, chosen: str, makers: Mapping[str, Callable[[], Archive]]) -> None:
        self.chosen = chosen
        self._makers = makers
        self._made: dict[str, Archive] = {}
        self._lock = Lock()

    def of(self, backend: str) -> Archive:
        """The backend of that name, made when it is first asked for; ``ArchiveFailed``."""
        with self._lock:
            if backend not in self._makers:
                raise ArchiveFailed("unknown_backend", f"{backend} is none.", retryable=False)
            if backend not in self._made:
                self._made[backend] = self._makers[backend]()
            return self._made[backend]

    @property
    def in_place(self) -> bool:
        return self.of(self.chosen).in_place

    def store(self, file: ColdFile) -> ArchiveRef:
        """As the port says; a kill may have left the file in a class chosen before."""
        try:
            return self.of(self.chosen).store(file)
        except ArchiveFailed as failure:
            if failure.code != "source_changed":
                raise
            return self._as_stored_before(file)

    def source_is_live(self, file: ColdFile) -> bool:
        return self.of(self.chosen).source_is_live(file)

    def remove_source(self, file: ColdFile) -> None:
        """For whichever put the archive elsewhere; what is archived in place has no source."""
        for backend in self._makers:
            self.of(backend).remove_source(file)

    def _as_stored_before(self, file: ColdFile) -> ArchiveRef:
        for backend in sorted(self._makers.keys() - {self.chosen}):
            if not self.of(backend).source_is_live(file):
                return self.of(backend).store(file)
        raise ArchiveFailed("source_changed", f"{file.key} changed.", retryable=False)

    def retrieve(self, ref: ArchiveRef, file: ColdFile) -> Retrieval:
        return self.of(ref.backend).retrieve(ref, file)

    def state(self, ref: ArchiveRef, file: ColdFile, retrieval_id: str) -> RetrievalState:
        return self.of(ref.backend).state(ref, file, retrieval_id)

    def bring_back(
        self, ref: ArchiveRef, file: ColdFile, retrieval_id: str, *, to: str
    ) -> ObjectHead:
        return self.of(ref.backend).bring_back(ref, file, retrieval_id, to=to)

    def discard(self, ref: ArchiveRef, file: ColdFile) -> None:
        self.of(ref.backend).discard(ref, file)
