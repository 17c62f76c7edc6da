"""Finds mails whose hint was lost or whose sender died, and hints again.

Its position in the log never passes a mail that is not settled, so nothing is forgotten over a
restart; in between it remembers what it saw.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from domain.log import LoggedEvent, read_log
from domain.mails import SHELF_LIFE, occasion_of
from domain.ports import Conflict, Records, WorkQueue
from domain.service import AnnotationService
from entrypoints.relay import POSITION
from entrypoints.worker import Hint
from projections.notification_book import MailBook

READER = "mails"
BEHIND = timedelta(seconds=10)  # what is younger is on its usual way
AGAIN_AFTER = timedelta(minutes=10)  # longer than a hint goes round in its queue
BATCH = 100


@dataclass
class Unsent:
    """A mail that was not settled when it was last looked at."""

    aggregate_id: UUID
    version: int
    at: datetime
    hinted: datetime | None = None


@dataclass
class UnsentMails:
    """For one thread; several processes may do it, each hint more leads to nothing more."""

    service: AnnotationService
    records: Records
    book: MailBook
    queue: WorkQueue
    clock: Callable[[], datetime]
    waiting: dict[int, Unsent] = field(default_factory=dict)  # by position in the log
    walked: int = -1

    def look(self, stopping: Callable[[], bool] = lambda: False) -> int:
        """Go on to the end of the log, hint what is not sent; how many hints were sent."""
        record = self.records.get(POSITION, READER)
        kept = int(record.value["position"]) if record else 0
        if self.walked < 0:
            self.walked = kept
        for event in self._beyond(stopping):
            self.walked = event.position
            if occasion_of(event.event) and not self._too_old(event.event.timestamp):
                self.waiting[event.position] = Unsent(
                    event.aggregate_id, event.version, event.event.timestamp
                )
        hinted = sum(self._look_at(position) for position in sorted(self.waiting))
        self._keep(kept, record.revision if record else 0)
        return hinted

    def _beyond(self, stopping: Callable[[], bool]) -> Iterator[LoggedEvent]:
        until = self.clock() - BEHIND
        while not stopping():
            events = read_log(self.service, after=self.walked, limit=BATCH)
            for event in events:
                if event.event.timestamp > until:
                    return
                yield event
            if not events:
                return

    def _look_at(self, position: int) -> bool:
        """Let go of what is settled or too late, hint what nobody is at; whether it was hinted."""
        mail = self.waiting[position]
        entry = self.book.entry(mail.aggregate_id, mail.version)
        if entry.settled or self._too_old(mail.at):
            del self.waiting[position]
            return False
        now = self.clock()
        rests = mail.hinted is not None and now < mail.hinted + AGAIN_AFTER
        if rests or entry.in_hand(now):
            return False
        self.queue.send(Hint(mail.aggregate_id, mail.version).body())
        mail.hinted = now
        return True

    def _too_old(self, at: datetime) -> bool:
        return at < self.clock() - SHELF_LIFE

    def _keep(self, kept: int, revision: int) -> None:
        position = min(self.waiting, default=self.walked + 1) - 1
        if position <= kept:
            return
        try:
            self.records.put(POSITION, READER, value={"position": position}, expected=revision)
        except Conflict:
            return  # another process has looked as far
