"""One person's account: roles and tokens. Names and addresses are records, never events."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from eventsourcing.domain import Aggregate, event

from domain.errors import WrongState
from domain.stamped import Stamped

ROLES = frozenset({"auditor", "operator"})
SCOPES = ("jobs:read", "jobs:write", "events:read", "webhooks:write", "audit:read")
MAIL_GROUPS = ("results", "storage")  # of mails that one may do without


class Account(Stamped):
    TOPIC = "account"

    class Event(Stamped.Event):
        pass

    class Created(Event, Aggregate.Created):
        TOPIC = "account.opened.v1"

    class RoleGranted(Event):
        TOPIC = "account.role_granted.v1"
        role: str

    class RoleRevoked(Event):
        TOPIC = "account.role_revoked.v1"
        role: str

    class TokenCreated(Event):
        TOPIC = "account.token_created.v1"
        token_id: str
        scopes: list[str]

    class TokenRevoked(Event):
        TOPIC = "account.token_revoked.v1"
        token_id: str

    class MailPreferencesChanged(Event):
        TOPIC = "account.mail_preferences_changed.v1"
        unwanted: list[str]  # groups of mails; a group that comes later is wanted

    def __init__(self) -> None:
        self.roles: list[str] = []
        self.tokens: dict[str, list[str]] = {}
        self.unwanted_mails: list[str] = []

    @classmethod
    def open(cls, user: UUID) -> Account:
        """An account has its user's id: user ids are random, minted at the first sign-in."""
        return cls._create(cls.Created, id=user)

    def grant_role(self, role: str) -> None:
        """Give a role of ``ROLES``; giving it twice changes nothing."""
        _check_known(role, ROLES, "role")
        if role not in self.roles:
            self._role_granted(role=role)

    def revoke_role(self, role: str) -> None:
        """Take a role away; taking what was never given changes nothing."""
        _check_known(role, ROLES, "role")
        if role in self.roles:
            self._role_revoked(role=role)

    def create_token(self, token_id: str, scopes: list[str]) -> None:
        """Note that a token with these scopes exists; its secret is never part of an event."""
        for scope in scopes:
            _check_known(scope, frozenset(SCOPES), "scope")
        if token_id not in self.tokens:
            self._token_created(token_id=token_id, scopes=scopes)

    def revoke_token(self, token_id: str) -> None:
        """End a token; ``WrongState`` when the account has none of that id."""
        if token_id not in self.tokens:
            raise WrongState(f"This account has no token {token_id}.")
        self._token_revoked(token_id=token_id)

    def change_mail_preferences(self, unwanted: Iterable[str]) -> None:
        """Say which of ``MAIL_GROUPS`` are not to be sent; the same again changes nothing."""
        for group in (chosen := sorted(set(unwanted))):
            _check_known(group, frozenset(MAIL_GROUPS), "group of mails")
        if chosen != self.unwanted_mails:
            self._mail_preferences_changed(unwanted=chosen)

    @event(RoleGranted)
    def _role_granted(self, role: str) -> None:
        self.roles.append(role)

    @event(RoleRevoked)
    def _role_revoked(self, role: str) -> None:
        self.roles.remove(role)

    @event(TokenCreated)
    def _token_created(self, token_id: str, scopes: list[str]) -> None:
        self.tokens[token_id] = scopes

    @event(TokenRevoked)
    def _token_revoked(self, token_id: str) -> None:
        del self.tokens[token_id]

    @event(MailPreferencesChanged)
    def _mail_preferences_changed(self, unwanted: list[str]) -> None:
        self.unwanted_mails = unwanted


def _check_known(name: str, known: frozenset[str], what: str) -> None:
    if name not in known:
        raise WrongState(f"There is no {what} {name!r}; there are: {', '.join(sorted(known))}.")
