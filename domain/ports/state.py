"""Small durable rows, and read models of the log."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Record:
    """One small durable row. ``revision`` counts its writes from 1."""

    pk: str
    sk: str
    value: dict[str, Any]
    revision: int


class Conflict(Exception):
    """Somebody else wrote first: read again and decide again."""


@dataclass(frozen=True, slots=True)
class RecordCopy:
    """A record with all that is kept of it, for moving it to another store."""

    kind: str
    record: Record
    expires: float | None


class Records(Protocol):
    """Small durable rows that are not facts of the domain, by kind, partition and sort key.

    ``expected``: None writes whatever is there, 0 only when nothing is, n only over revision n;
    otherwise ``Conflict``. A row past ``expires`` (seconds since the epoch) is as good as absent.
    """

    def get(self, kind: str, pk: str, sk: str = "") -> Record | None: ...
    def put(
        self,
        kind: str,
        pk: str,
        sk: str = "",
        *,
        value: Mapping[str, Any],
        expected: int | None = None,
        expires: float | None = None,
    ) -> int:
        """Write one row and return its new revision."""

    def delete(self, kind: str, pk: str, sk: str = "", *, expected: int | None = None) -> None:
        """Remove one row; no error when it is not there and no revision is expected."""

    def query(
        self,
        kind: str,
        pk: str,
        *,
        after: str = "",
        limit: int | None = None,
        descending: bool = False,
    ) -> list[Record]:
        """Rows of one partition in the order of their sort key, beyond ``after``."""

    def scan(self, kind: str) -> Iterator[Record]:
        """Every row of a kind, in no promised order; for sweeping."""

    def copies(self) -> Iterator[RecordCopy]:
        """Every living row of every kind, in no promised order; for backup."""

    def load(self, copies: Iterable[RecordCopy]) -> None:
        """Write rows exactly as they were copied, revisions included; for restore."""

    def remove_expired(self) -> int:
        """Give back the room of rows past their time; how many, 0 where the store does it."""


@dataclass(frozen=True, slots=True)
class Put:
    """A view's row as it shall be."""

    pk: str
    sk: str
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Remove:
    """A view's row that shall be gone."""

    pk: str
    sk: str


Change = Put | Remove


class Views(Protocol):
    """Read models. Rows and position of one view are committed together or not at all.

    A commit takes any number of changes. Rows read after ``position`` are at least of that
    position; a reader that does not ask may meet the middle of a commit that is being applied.
    """

    def position(self, view: str) -> int:
        """The last log position the view has seen; 0 before the first."""

    def commit(self, view: str, changes: Sequence[Change], *, after: int, position: int) -> None:
        """Apply changes and move the position from ``after`` to ``position``.

        ``Conflict`` when the view is no longer at ``after``: another reader was faster.
        Later changes to the same row win.
        """

    def get(self, view: str, pk: str, sk: str = "") -> dict[str, Any] | None: ...
    def query(
        self,
        view: str,
        pk: str,
        *,
        after: str = "",
        limit: int | None = None,
        descending: bool = False,
    ) -> list[tuple[str, dict[str, Any]]]:
        """(sort key, row) of one partition beyond ``after`` in the order asked for."""

    def scan(self, view: str) -> Iterator[tuple[str, str, dict[str, Any]]]:
        """(partition key, sort key, row) of every row, in no promised order; for checks."""

    def reset(self, view: str) -> None:
        """Forget the view's rows and position, so that it is built again from the first event."""
