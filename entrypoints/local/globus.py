"""A stand-in for Globus Auth on loopback, for the real ``globus_sdk`` to talk to.

It asks for no password and signs anybody in, so it serves on loopback alone and says on every page
what it is. Paths and answers are Globus's: authorize and logout in ``globus_pages``; token,
userinfo, introspect, revoke, ``jwk.json`` and ``/.well-known/openid-configuration`` in
``globus_api``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from flask import current_app
from joserfc import jwt
from joserfc.jwk import RSAKey

from entrypoints.local.globus_book import TOKEN_SECONDS, Book, Grant, Person

NATIVE_CLIENT = "gas-command-line"  # a public client: PKCE instead of a secret
SCOPES = "openid profile email"
KEY_ID = "stand-in"


@dataclass(slots=True)
class Globus:
    """One stand-in: where it is, its book, its one confidential client."""

    issuer: str
    book: Book
    client_id: str
    client_secret: str = field(repr=False)
    key: RSAKey = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self.key = RSAKey.import_key(
            self.book.signing_key(), {"kid": KEY_ID, "use": "sig", "alg": "RS256"}
        )

    def sign(self, person: Person, grant: Grant, *, at: int) -> str:
        """An ID token as Globus makes them, RS256."""
        claims = claims_of(person) | {
            "iss": self.issuer,
            "aud": grant.client_id,
            "iat": at,
            "exp": at + TOKEN_SECONDS,
        }
        if grant.nonce:
            claims["nonce"] = grant.nonce
        return jwt.encode({"alg": "RS256", "kid": KEY_ID}, claims, self.key)


def claims_of(person: Person) -> dict[str, Any]:
    """Who somebody is, in OpenID's words."""
    return {
        "sub": person.sub,
        "name": person.name,
        "preferred_username": person.email,
        "email": person.email,
        "organization": person.organization,
        "identity_provider_display_name": "GAS local stand-in",
    }


def here() -> Globus:
    """The stand-in that is answering."""
    stand_in: Globus = current_app.extensions["globus"]
    return stand_in
