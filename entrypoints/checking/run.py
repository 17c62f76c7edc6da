"""One run of all checks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import chain
from typing import TYPE_CHECKING
from uuid import UUID

from entrypoints.checking.facts import Facts, gather, notifications
from entrypoints.checking.files import (
    digests_match,
    every_file_belongs_to_a_job,
    files_of,
    what_is_readable_is_not_cold,
    what_was_made_is_there,
)
from entrypoints.checking.findings import Finding, Report
from entrypoints.checking.names import Event, log_names_nobody, personal_words
from entrypoints.checking.promises import (
    nothing_is_overdue,
    what_is_archived_is_safe,
    who_pays_can_read,
)

if TYPE_CHECKING:
    from entrypoints.bootstrap import Gas

PROMISES: tuple[Callable[[Facts], Iterator[Finding]], ...] = (
    nothing_is_overdue,
    what_is_archived_is_safe,
    who_pays_can_read,
    what_was_made_is_there,
    what_is_readable_is_not_cold,
    every_file_belongs_to_a_job,
)


def check(
    gas: Gas, *, digests: bool = False, read: Callable[[int], None] = lambda _: None
) -> Report:
    """Look at everything; ``digests`` reads every readable file, ``read`` is told of its bytes.

    The service may run meanwhile: what is found at a job that has moved on since is not told.
    """
    facts = gather(gas)
    found = [finding for promise in PROMISES for finding in promise(facts)]
    if digests:
        found += digests_match(facts, gas.files.open, read=read)
    versions = {str(each.job.id): each.job.version for each in facts.jobs}
    still = [f for f in found if not f.job or _version(gas, f.job) == versions[f.job]]
    events = gas.service.recorder.max_notification_id() or 0
    counts = {"events": events, "jobs": len(facts.jobs), "files": len(facts.files)}
    return Report((*still, *_names_in(gas, facts)), counts)


def _names_in(gas: Gas, facts: Facts) -> list[Finding]:
    words = personal_words(gas.records, _our_words(gas, facts))
    stored = (
        Event(each.id, str(each.originator_id), bytes(each.state))
        for each in notifications(gas.service)
    )
    return list(log_names_nobody(words, stored))


def _our_words(gas: Gas, facts: Facts) -> set[str]:
    """What events say of every job: a file of somebody's that is called so tells nothing."""
    from adapters.annotator_bcftools.consequences import CONSEQUENCES

    references = gas.annotator.references()
    terms = chain.from_iterable((name, of.term) for name, of in CONSEQUENCES.items())
    made = (file.key.rsplit("/", 1)[-1] for each in facts.jobs for file in files_of(each.job))
    return {*terms, *made, *(word for each in references for word in (each.name, each.title))}


def _version(gas: Gas, job: str) -> int:
    return gas.service.job(UUID(job)).version
