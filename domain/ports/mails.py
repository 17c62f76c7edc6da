"""Mail to people."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Mail:
    """One mail to one person, in plain text and, where given, in HTML beside it."""

    to: str
    subject: str
    text: str
    html: str = ""


class MailFailed(Exception):
    """The mail was not taken. ``retryable``: a later try may work; otherwise it never will.

    ``unsure``: the answer was lost, so it may have been sent nevertheless. ``detail`` names nobody.
    """

    def __init__(self, detail: str, *, retryable: bool, unsure: bool = False) -> None:
        self.retryable = retryable
        self.unsure = unsure
        super().__init__(detail)


class Mailer(Protocol):
    """Hands mails over. There is no way to know whether a mail was sent when an answer is lost,
    so a mail is claimed before and recorded after; see ``MailFailed`` for the rest.
    """

    def send(self, mail: Mail) -> str:
        """The provider's id of the mail."""
