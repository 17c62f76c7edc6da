"""Mail: for each event that somebody is to be told of, claim, send, record. State decides.

Nobody can know whether a mail was sent when its sender died or the answer was lost. A lost mail is
worse than a second one, so it is tried once more, and no more than once.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from domain.errors import NotFound
from domain.job import Job
from domain.mails import SHELF_LIFE, Circumstances, Notice, notice_of, occasion_of
from domain.plans import Policy
from domain.ports import Conflict, Interrupted
from domain.ports.mails import Mail, Mailer, MailFailed
from domain.service import AnnotationService
from domain.stamped import Stamped
from domain.subscription import Subscription
from projections.notification_book import (
    CLAIMED,
    LEFT_OUT,
    REFUSED,
    SENT,
    UNKNOWN,
    WAITING,
    Entry,
    MailBook,
)

TRIES = 2  # that may have sent it
# Of one kind for one person: an upgrade may bring hundreds of results back within minutes.
MOST_AN_HOUR = 20
Subject = Job | Subscription


@dataclass(frozen=True)
class NotificationWork:
    """What the ``notification`` queue's hints lead to.

    ``address_of`` gives a person's address, empty when there is none. Without a ``mailer`` mails
    are left out. ``on_outcome`` hears what became of each mail that was handed over.
    """

    service: AnnotationService
    book: MailBook
    policy: Policy
    mailer: Mailer | None
    address_of: Callable[[UUID], str]
    compose: Callable[[Notice, str], Mail]
    clock: Callable[[], datetime]
    on_outcome: Callable[[Entry], None] = lambda entry: None

    def attend(self, job_id: UUID, *, at_least: int, stopping: Callable[[], bool]) -> None:
        """Send what is to be sent of a job or a subscription and was not.

        Raises when the hint must come back: it is ahead of what can be read, or a mail could not
        be taken just now; the others are sent nevertheless. What somebody else is sending is left
        to them, and to whoever looks for unsent mails.
        """
        subject = self._subject(job_id, at_least)
        failed: Exception | None = None
        for event in self._occasions(job_id):
            if stopping():
                raise Interrupted
            try:
                self._settle(event, subject)
            except Exception as error:
                failed = error
        if failed:
            raise failed

    def _subject(self, hinted: UUID, at_least: int) -> Subject:
        try:
            return self.service.job(hinted, at_least=at_least)
        except NotFound:
            return self.service.subscription_at(hinted, at_least=at_least)

    def _occasions(self, aggregate_id: UUID) -> Iterator[Stamped.Event]:
        oldest = self.clock() - SHELF_LIFE
        for event in self.service.events.get(aggregate_id):
            if (
                isinstance(event, Stamped.Event)
                and event.timestamp >= oldest
                and occasion_of(event)
            ):
                yield event

    # --- one mail ----------------------------------------------------------------------------

    def _settle(self, event: Stamped.Event, subject: Subject) -> None:
        entry = self.book.entry(subject.id, event.originator_version)
        if entry.settled or entry.in_hand(self.clock()):
            return
        try:
            if entry.tries >= TRIES:
                self.book.write(entry, UNKNOWN)
            else:
                self._tell(entry, event, subject)
        except Conflict:
            return  # somebody else was faster, and does it

    def _tell(self, entry: Entry, event: Stamped.Event, subject: Subject) -> None:
        owner = subject.owner if isinstance(subject, Job) else subject.user
        around = Circumstances(self.service.standing_of(owner), self.policy)
        notice, address = notice_of(event, subject, around), self.address_of(owner)
        if notice is None:
            self.book.write(entry, LEFT_OUT, detail="no longer so")
        elif reason := self._reason_against(notice, entry, address):
            self.book.write(_about(entry, notice), LEFT_OUT, detail=reason)
        elif self.mailer is None:
            self.book.write(_about(entry, notice), LEFT_OUT, detail="no sender is set")
        else:
            mail = self.compose(self._counted(notice), address)
            claim = self.book.write(_about(entry, notice), CLAIMED, tries=entry.tries + 1)
            self._send(claim, self.mailer, mail)

    def _counted(self, notice: Notice) -> Notice:
        """The last one of an hour says that it is."""
        count = self.book.counted(notice.user, notice.kind) + 1
        self.book.count(notice.user, notice.kind, count)
        if count < MOST_AN_HOUR:
            return notice
        hour = self.clock().replace(minute=0, second=0, microsecond=0)
        more = {"most": MOST_AN_HOUR, "silent_until": hour + timedelta(hours=1)}
        return replace(notice, facts=notice.facts | more)

    def _reason_against(self, notice: Notice, entry: Entry, address: str) -> str:
        if not address:
            return "no address"
        if notice.group in self._unwanted(notice.user):
            return "not wanted"
        if notice.kind == "will_be_archived" and self._is_told(notice, entry):
            return "told before"
        if self.book.counted(notice.user, notice.kind) >= MOST_AN_HOUR:
            return "too many of a kind"
        return ""

    def _unwanted(self, user: UUID) -> Collection[str]:
        try:
            return self.service.account(user).unwanted_mails
        except NotFound:
            return ()

    def _is_told(self, notice: Notice, entry: Entry) -> bool:
        """Whether an earlier mail of the job, that it is finished, names the same time."""
        until = notice.facts["until"].isoformat()
        return any(
            earlier.until == until and earlier.state != LEFT_OUT
            for earlier in self.book.entries(entry.aggregate_id)
            if earlier.version < entry.version
        )

    def _send(self, claim: Entry, mailer: Mailer, mail: Mail) -> None:
        try:
            name = mailer.send(mail)
        except MailFailed as failure:
            self._note(claim, failure)
        else:
            self.on_outcome(self.book.write(claim, SENT, detail=name))

    def _note(self, claim: Entry, failure: MailFailed) -> None:
        if not failure.retryable:
            self.on_outcome(self.book.write(claim, REFUSED, detail=str(failure)))
        elif failure.unsure and claim.tries >= TRIES:
            self.on_outcome(self.book.write(claim, UNKNOWN, detail=str(failure)))
        else:
            tries = claim.tries if failure.unsure else claim.tries - 1
            self.book.write(claim, WAITING, tries=tries, detail=str(failure))
            raise failure


def _about(entry: Entry, notice: Notice) -> Entry:
    until = notice.facts.get("until")
    return replace(entry, kind=notice.kind, until=until.isoformat() if until else "")
