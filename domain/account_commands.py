"""Use cases of accounts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from uuid import UUID

from eventsourcing.application import AggregateNotFoundError
from eventsourcing.persistence import IntegrityError

from domain.account import Account
from domain.commands import Commands, Recorded, position_of
from domain.context import at
from domain.errors import NotFound


class AccountCommands(Commands):
    """One method a use case."""

    def open_account(self, user: UUID) -> Recorded[Account]:
        """Open the account of a user; opening it again changes nothing."""
        with at(self.clock()):
            account = Account.open(user)
            try:
                return Recorded(account, position_of(self.save(account)))
            except IntegrityError:
                return Recorded(self.account(user), 0)

    def account(self, user: UUID) -> Account:
        """The account of a user; ``NotFound`` when none was opened."""
        try:
            account: Account = self._load(user)
        except AggregateNotFoundError:
            raise NotFound("There is no such account.") from None
        if not isinstance(account, Account):
            raise NotFound("There is no such account.")
        return account

    def grant_role(self, user: UUID, role: str) -> Recorded[Account]:
        return self._change_account(user, lambda account: account.grant_role(role))

    def revoke_role(self, user: UUID, role: str) -> Recorded[Account]:
        return self._change_account(user, lambda account: account.revoke_role(role))

    def create_token(self, user: UUID, *, token_id: str, scopes: list[str]) -> Recorded[Account]:
        return self._change_account(user, lambda account: account.create_token(token_id, scopes))

    def revoke_token(self, user: UUID, *, token_id: str) -> Recorded[Account]:
        return self._change_account(user, lambda account: account.revoke_token(token_id))

    def change_mail_preferences(self, user: UUID, unwanted: Sequence[str]) -> Recorded[Account]:
        return self._change_account(user, lambda account: account.change_mail_preferences(unwanted))

    def _change_account(self, user: UUID, decide: Callable[[Account], None]) -> Recorded[Account]:
        return self._change(lambda: self.account(user), decide)
