"""What is known of each mail: a row for each event that is an occasion for one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from domain.ports import Record, Records

# records: pk aggregate id, sk version of the event -> state, at, tries, kind, detail, until
MAIL = "mail"
KEPT = timedelta(days=30)  # well beyond the time in which mails are sent
TALLY = "mail_tally"  # records: pk user, sk kind|hour -> count
TALLY_KEPT = timedelta(days=1)
# A claim nobody completed is taken over after this: several times what a send may take (35 s), so
# only a process that was stopped in the middle can still be at it.
CLAIM_LASTS = timedelta(minutes=2)

NEW = "new"
CLAIMED = "claimed"  # somebody is about to send it, or died
WAITING = "waiting"  # the provider did not take it; it is to be tried again
SENT = "sent"
LEFT_OUT = "left out"
REFUSED = "refused"  # for ever
UNKNOWN = "unknown"  # tried as often as allowed, and nobody knows
SETTLED = frozenset({SENT, LEFT_OUT, REFUSED, UNKNOWN})


@dataclass(frozen=True, slots=True)
class Entry:
    """One mail. ``tries``: how often it may have been sent. ``until``: the time it names, if any.

    ``detail``: the provider's id of what was sent, or the reason why nothing was; never a name.
    """

    aggregate_id: UUID
    version: int
    state: str = NEW
    at: datetime | None = None
    tries: int = 0
    kind: str = ""
    detail: str = ""
    until: str = ""
    revision: int = 0

    @property
    def settled(self) -> bool:
        return self.state in SETTLED

    def in_hand(self, now: datetime) -> bool:
        """Whether somebody who may be alive is sending it."""
        return self.state == CLAIMED and self.at is not None and now < self.at + CLAIM_LASTS


@dataclass(frozen=True)
class MailBook:
    """Reads and writes entries; every write is over what was read, or ``Conflict``."""

    records: Records
    clock: Callable[[], datetime]

    def entry(self, aggregate_id: UUID, version: int) -> Entry:
        record = self.records.get(MAIL, str(aggregate_id), _key(version))
        return _entry(aggregate_id, record) if record else Entry(aggregate_id, version)

    def entries(self, aggregate_id: UUID) -> list[Entry]:
        """What is known of all mails of a job or a subscription, in the order of their events."""
        found = self.records.query(MAIL, str(aggregate_id))
        return [_entry(aggregate_id, record) for record in found]

    def write(
        self, entry: Entry, state: str, *, tries: int | None = None, detail: str = ""
    ) -> Entry:
        """The entry in its new state; what is not given stays, but for the detail."""
        new = replace(
            entry,
            state=state,
            at=self.clock(),
            tries=entry.tries if tries is None else tries,
            detail=detail,
        )
        revision = self.records.put(
            MAIL,
            str(new.aggregate_id),
            _key(new.version),
            value={
                "state": new.state,
                "at": self.clock().isoformat(),
                "tries": new.tries,
                "kind": new.kind,
                "detail": new.detail,
                "until": new.until,
            },
            expected=entry.revision,
            expires=(self.clock() + KEPT).timestamp(),
        )
        return replace(new, revision=revision)

    def counted(self, user: UUID, kind: str) -> int:
        """How many mails of a kind were begun for a person in this hour."""
        record = self.records.get(TALLY, str(user), self._hour(kind))
        return int(record.value["count"]) if record else 0

    def count(self, user: UUID, kind: str, count: int) -> None:
        """Two at once may count as one: a limit is a courtesy, not a promise."""
        expires = (self.clock() + TALLY_KEPT).timestamp()
        key = self._hour(kind)
        self.records.put(TALLY, str(user), key, value={"count": count}, expires=expires)

    def _hour(self, kind: str) -> str:
        return f"{kind}|{self.clock():%Y-%m-%dT%H}"


def _key(version: int) -> str:
    return f"{version:010d}"


def _entry(aggregate_id: UUID, record: Record) -> Entry:
    fields = record.value | {"at": datetime.fromisoformat(record.value["at"])}
    return Entry(aggregate_id, int(record.sk), revision=record.revision, **fields)
