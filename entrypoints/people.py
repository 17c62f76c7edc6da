"""People and their keys: who a sign-in or a token belongs to. All of it erasable records."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from domain.account import SCOPES
from domain.context import acting
from domain.errors import DomainError, NotFound
from domain.ports import Conflict, Identity, Records
from domain.service import AnnotationService
from entrypoints.seal import Seal

IDENTITY = "identity"  # pk digest of the provider's subject -> user
PROFILE = "profile"  # pk user -> name, email, organization
SESSION = "session"  # pk user, sk digest -> created
SESSION_KEY = "session_key"  # pk digest -> user, created, the provider's token sealed
TOKEN = "token"  # noqa: S105 — pk digest -> user, token id, scopes, name
TOKEN_OF = "token_of"  # noqa: S105 — pk user, sk token id -> digest, name, scopes, created
SESSION_LASTS = timedelta(days=14)
SESSION_ID = 16  # hex digits of a session's digest that name it to its user


class NotSignedIn(DomainError):
    """Nobody is known by that session or token."""

    code = "not_signed_in"


@dataclass(frozen=True, slots=True)
class Person:
    """Who is asking, and what the key they hold allows."""

    user: UUID
    scopes: frozenset[str]
    roles: frozenset[str]

    def may(self, scope: str) -> bool:
        return scope in self.scopes


@dataclass(frozen=True)
class People:
    """Sign-ins, sessions and tokens. Secrets are kept as SHA-256 digests only.

    The provider's access token is kept sealed, to be revoked when its session ends.
    """

    service: AnnotationService
    records: Records
    clock: Callable[[], datetime]
    seal: Seal

    # --- sign-in -----------------------------------------------------------------------------

    def sign_in(self, identity: Identity) -> str:
        """The secret of a new session for whoever the provider says this is."""
        user = self._user_of(identity.subject)
        profile = {
            "name": identity.name,
            "email": identity.email,
            "organization": identity.organization,
        }
        self.records.put(PROFILE, str(user), value=profile)
        secret = secrets.token_urlsafe(32)
        expires = (self.clock() + SESSION_LASTS).timestamp()
        value = {
            "user": str(user),
            "sealed_token": self.seal.close(identity.access_token),
            "created": self.clock().isoformat(),
        }
        self.records.put(SESSION_KEY, _digest(secret), value=value, expires=expires)
        self.records.put(
            SESSION,
            str(user),
            _digest(secret),
            value={"created": value["created"]},
            expires=expires,
        )
        return secret

    def by_session(self, secret: str) -> Person:
        """Whose session it is; ``NotSignedIn`` when it has ended. The role is read, never kept."""
        record = self.records.get(SESSION_KEY, _digest(secret))
        if record is None:
            raise NotSignedIn("You are not signed in.")
        return self._person(UUID(record.value["user"]), frozenset(SCOPES))

    def end_session(self, secret: str) -> str:
        """End it; the provider's access token that is to be revoked, if there is one."""
        return self._end(_digest(secret))

    def sessions(self, user: UUID) -> list[dict[str, Any]]:
        """The user's living sessions, oldest first: ``id`` and ``created``; no secrets."""
        found = [
            {"id": r.sk[:SESSION_ID], "created": r.value["created"]}
            for r in self.records.query(SESSION, str(user))
        ]
        return sorted(found, key=lambda session: str(session["created"]))

    def session_id(self, secret: str) -> str:
        """What ``sessions`` calls the session of that secret."""
        return _digest(secret)[:SESSION_ID]

    def end_session_of(self, user: UUID, session_id: str) -> str:
        """End one of the user's own sessions, on whatever machine; as ``end_session``.

        ``NotFound`` when the user has none of that id.
        """
        for record in self.records.query(SESSION, str(user)):
            if record.sk[:SESSION_ID] == session_id:
                return self._end(record.sk)
        raise NotFound("You have no such session: it has ended already.")

    def profile(self, user: UUID) -> dict[str, Any]:
        """Name, email and organization as the provider gave them; empty when unknown."""
        record = self.records.get(PROFILE, str(user))
        return record.value if record else {"name": "", "email": "", "organization": ""}

    # --- tokens ------------------------------------------------------------------------------

    def create_token(self, user: UUID, *, name: str, scopes: list[str], secret: str = "") -> str:
        """A new bearer token's secret (``gas_…``), to be shown once; its event carries an id."""
        secret = secret or f"gas_{secrets.token_urlsafe(32)}"
        token_id = uuid4().hex[:12]
        self.service.create_token(user, token_id=token_id, scopes=scopes)
        about = {"name": name[:80], "scopes": scopes, "created": self.clock().isoformat()}
        self.records.put(
            TOKEN, _digest(secret), value={"user": str(user), "id": token_id, "scopes": scopes}
        )
        self.records.put(TOKEN_OF, str(user), token_id, value={"digest": _digest(secret), **about})
        return secret

    def by_token(self, secret: str) -> Person:
        """Whose token it is; ``NotSignedIn`` when it is unknown or revoked."""
        record = self.records.get(TOKEN, _digest(secret))
        if record is None:
            raise NotSignedIn("This token is not known. Create one with `gas token create`.")
        return self._person(UUID(record.value["user"]), frozenset(record.value["scopes"]))

    def tokens(self, user: UUID) -> list[dict[str, Any]]:
        """The user's tokens: ``id``, ``name``, ``scopes``, ``created``; no secrets."""
        return [
            {"id": r.sk, **{k: v for k, v in r.value.items() if k != "digest"}}
            for r in self.records.query(TOKEN_OF, str(user))
        ]

    def revoke_token(self, user: UUID, token_id: str) -> None:
        """End a token at once; ``NotFound`` when the user has none of that id."""
        record = self.records.get(TOKEN_OF, str(user), token_id)
        if record is None:
            raise NotFound(f"You have no token {token_id}.")
        self.records.delete(TOKEN, record.value["digest"])
        self.service.revoke_token(user, token_id=token_id)
        self.records.delete(TOKEN_OF, str(user), token_id)

    # --- users -------------------------------------------------------------------------------

    def _end(self, digest: str) -> str:
        record = self.records.get(SESSION_KEY, digest)
        if record is None:
            return ""
        self.records.delete(SESSION_KEY, digest)
        self.records.delete(SESSION, record.value["user"], digest)
        return self._revocable(record.value)

    def _revocable(self, session: dict[str, Any]) -> str:
        """The provider's token; sessions of earlier versions had it as it is."""
        return self.seal.open(session.get("sealed_token", "")) or session.get("access_token", "")

    def _user_of(self, subject: str) -> UUID:
        """The user an identity belongs to, minted at random on the first sign-in."""
        key = _digest(subject)
        record = self.records.get(IDENTITY, key)
        if record is None:
            with suppress(Conflict):  # of two first sign-ins at once the first names the user
                self.records.put(IDENTITY, key, value={"user": str(uuid4())}, expected=0)
            record = self.records.get(IDENTITY, key)
        if record is None:
            raise AssertionError("an identity that was just written is gone")
        user = UUID(record.value["user"])
        with acting(f"user:{user}"):
            self.service.open_account(user)
        return user

    def ensure_local_user(self, subject: str, profile: dict[str, str], roles: list[str]) -> UUID:
        """The one user of a local service, with the roles it has there."""
        user = self._user_of(subject)
        if self.records.get(PROFILE, str(user)) is None:
            self.records.put(PROFILE, str(user), value=profile)
        with acting("system:local"):
            for role in roles:
                self.service.grant_role(user, role)
        return user

    def _person(self, user: UUID, scopes: frozenset[str]) -> Person:
        roles = frozenset(self.service.account(user).roles)
        allowed = scopes if "auditor" in roles else scopes - {"audit:read"}
        return Person(user, allowed, roles)


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
