"""Mail to people."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Mail:
    """One mail in plain text to one person."""

    to: str
    subject: str
    text: str


class MailFailed(Exception):
    """The mail was not taken. ``retryable``: a later try may work; otherwise it never will."""

    def __init__(self, detail: str, *, retryable: bool) -> None:
        self.retryable = retryable
        super().__init__(detail)


class Mailer(Protocol):
    """Hands mails over. There is no way to know whether a mail was sent when an answer is lost,
    so a mail is claimed before and recorded after; see ``MailFailed`` for the rest.
    """

    def send(self, mail: Mail) -> str:
        """The provider's id of the mail."""
