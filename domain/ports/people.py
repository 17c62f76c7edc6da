"""Who people are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Identity:
    """Who signed in, as the identity provider says; ``subject`` is the provider's id."""

    subject: str
    name: str
    email: str
    organization: str
    access_token: str


class IdentityProvider(Protocol):
    """The authorization-code flow of an OpenID provider."""

    def authorize_url(self, *, state: str, nonce: str, redirect_uri: str) -> str: ...
    def identify(self, *, code: str, nonce: str, redirect_uri: str) -> Identity:
        """Exchange the code; ``DomainError`` with a sentence when anything does not check."""

    def revoke(self, access_token: str) -> None: ...
    def sign_out_url(self, *, redirect_uri: str) -> str: ...
