"""The variants of a job, a page at a time: one answer for pages, API and commands.

They come from the table the run made, which stays while the result is archived.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from domain.errors import DomainError, NotFound
from domain.ports import (
    Place,
    VariantCounts,
    VariantFilter,
    VariantRow,
    VariantTable,
    VariantTables,
)
from entrypoints.downloads import check_present
from entrypoints.job_documents import BadCursor, JobDocuments, decode_cursor, encode_cursor

PAGE = 50
LONGEST_PAGE = 1000
PLACE = re.compile(r"(\d{1,18})\.(\d{1,18})", re.ASCII)
# status of a job that will never have variants -> why, and what to do
NEVER = {
    "failed": "This job failed, so it has no variants. Its page says why and what to do.",
    "cancelled": "This job was cancelled, so it has no variants. Run it again to get them.",
    "completed": "This job was annotated before there were tables of variants to browse."
    " Run it again to get one; its other files are as good as ever.",
}


class NoVariants(DomainError):
    """The job has no table of variants, and will not get one."""

    code = "no_variants"


class NoVariantsYet(DomainError):
    """The job is still under way."""

    code = "no_variants_yet"


@dataclass(frozen=True, slots=True)
class Variants:
    """One page in the file's order; ``next`` is the cursor of the following one, or None."""

    rows: tuple[VariantRow, ...]
    next: str | None
    counts: VariantCounts


@dataclass(frozen=True)
class JobVariants:
    """Reading the owner's tables; ``NotFound`` for nobody's job, another's or a deleted one."""

    jobs: JobDocuments
    tables: VariantTables

    def page(
        self,
        job_id: UUID,
        wanted: VariantFilter,
        *,
        owner: UUID,
        cursor: str = "",
        limit: int = PAGE,
    ) -> Variants:
        """The rows that fit, beyond the cursor, and how many there are in all.

        ``NoVariants``, ``NoVariantsYet``, ``FileMissing`` and ``TableDamaged`` say why there are
        none; ``BadCursor`` for one that is not ours.
        """
        row = self.jobs.row(job_id, owner)
        after = _place(cursor) if cursor else None
        with self._table(row) as table:
            page = table.page(wanted, after=after, limit=max(1, min(limit, LONGEST_PAGE)))
            counts = table.counts(wanted)
        return Variants(page.rows, _cursor(page.next) if page.next else None, counts)

    @contextmanager
    def _table(self, row: dict[str, Any]) -> Iterator[VariantTable]:
        file = row["files"].get("table")
        if file is None:
            raise _refusal(row["status"])
        try:
            yield self.tables.open(file["key"], file["sha256"])
        except NotFound:
            check_present(None, "table of variants")


def _refusal(status: str) -> DomainError:
    if status in NEVER:
        return NoVariants(NEVER[status])
    doing = "waiting for its turn" if status == "submitted" else "being annotated"
    return NoVariantsYet(f"The variants are there when the job is completed; it is {doing} now.")


def _cursor(place: Place) -> str:
    return encode_cursor(f"{place.vid}.{place.k}")


def _place(cursor: str) -> Place:
    found = PLACE.fullmatch(decode_cursor(cursor))
    if found is None:
        raise BadCursor("That cursor is not one of ours. Start again without it.")
    return Place(int(found[1]), int(found[2]))
