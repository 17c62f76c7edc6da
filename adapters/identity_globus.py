"""Sign-in with Globus Auth (port ``IdentityProvider``), through the official SDK."""

from __future__ import annotations

import hmac
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

from domain.errors import DomainError
from domain.ports import Identity

if TYPE_CHECKING:
    from globus_sdk import ConfidentialAppAuthClient

SCOPES = ("openid", "profile", "email")
REQUIRED = ("iss", "aud", "exp", "iat", "sub", "nonce")
CLOCK_SKEW_SECONDS = 60
ANSWER_SECONDS = 10


class SignInFailed(DomainError):
    """Globus or the person did not complete the sign-in; nothing was changed."""

    code = "sign_in_failed"


class GlobusIdentity:
    """The authorization-code flow of a confidential client.

    The caller binds ``state`` to the browser's session; here are checked the token's signature
    (RS256 with Globus's key), issuer, audience, expiry and nonce. ``base_url`` is the loopback
    stand-in's; without it the SDK asks ``GLOBUS_SDK_SERVICE_URL_AUTH`` and takes Globus itself.
    """

    def __init__(self, client_id: str, client_secret: str, *, base_url: str | None = None) -> None:
        self._client_id = client_id
        self._client_secret = client_secret
        self._base_url = base_url

    def authorize_url(self, *, state: str, nonce: str, redirect_uri: str) -> str:
        client = self._client()
        client.oauth2_start_flow(redirect_uri, SCOPES, state=state)
        return client.oauth2_get_authorize_url(query_params={"nonce": nonce})

    def identify(self, *, code: str, nonce: str, redirect_uri: str) -> Identity:
        """As the port says; ``SignInFailed`` with a sentence when anything does not check."""
        client = self._client()
        client.oauth2_start_flow(redirect_uri, SCOPES)
        with _translated():
            tokens = client.oauth2_exchange_code_for_tokens(code)
            configuration = client.get_openid_configuration()
            key = client.get_jwk(openid_configuration=configuration, as_pem=True)
            claims = tokens.decode_id_token(
                configuration,
                key,
                {"leeway": CLOCK_SKEW_SECONDS, "require": list(REQUIRED)},
            )
            self._check(claims, issuer=configuration["issuer"], nonce=nonce, url=client.base_url)
            person = self._person(tokens["access_token"])
        if person.get("sub") != claims["sub"]:
            raise SignInFailed("Globus named two different people. Sign in again.")
        return Identity(
            subject=str(claims["sub"]),
            name=str(person.get("name") or person.get("preferred_username") or ""),
            email=str(person.get("email") or ""),
            organization=str(person.get("organization") or ""),
            access_token=str(tokens["access_token"]),
        )

    def revoke(self, access_token: str) -> None:
        with _translated():
            self._client().oauth2_revoke_token(access_token)

    def sign_out_url(self, *, redirect_uri: str) -> str:
        query = {
            "client_id": self._client_id,
            "redirect_uri": redirect_uri,
            "redirect_name": "GAS",
        }
        return f"{self._client().base_url.rstrip('/')}/v2/web/logout?{urlencode(query)}"

    def _client(self) -> ConfidentialAppAuthClient:
        """A new one each time: the SDK keeps the flow's state on it."""
        from globus_sdk import ConfidentialAppAuthClient
        from globus_sdk.transport import RequestsTransport, RetryConfig

        return ConfidentialAppAuthClient(
            self._client_id,
            self._client_secret,
            base_url=self._base_url,
            transport=RequestsTransport(http_timeout=ANSWER_SECONDS),
            retry_config=RetryConfig(max_retries=1, max_sleep=1),
        )

    def _person(self, access_token: str) -> Mapping[str, Any]:
        from globus_sdk import AccessTokenAuthorizer, AuthClient
        from globus_sdk.transport import RequestsTransport, RetryConfig

        client = AuthClient(
            authorizer=AccessTokenAuthorizer(access_token),
            base_url=self._base_url,
            transport=RequestsTransport(http_timeout=ANSWER_SECONDS),
            retry_config=RetryConfig(max_retries=1, max_sleep=1),
        )
        answer: Mapping[str, Any] = client.userinfo().data
        return answer

    def _check(self, claims: Mapping[str, Any], *, issuer: str, nonce: str, url: str) -> None:
        """What the SDK leaves to us: it looks at signature, audience and expiry alone."""
        if claims["iss"] != issuer or urlsplit(issuer).netloc != urlsplit(url).netloc:
            raise SignInFailed("The sign-in was issued by somebody else than Globus.")
        if not hmac.compare_digest(str(claims["nonce"]), nonce):
            raise SignInFailed("This sign-in was meant for another browser. Sign in again.")


@contextmanager
def _translated() -> Iterator[None]:
    from globus_sdk import GlobusAPIError, NetworkError
    from jwt import PyJWTError

    try:
        yield
    except GlobusAPIError as error:
        raise SignInFailed(_sentence(error.raw_json or {})) from error
    except NetworkError as error:
        raise SignInFailed("Globus cannot be reached. Try again in a minute.") from error
    except (PyJWTError, KeyError) as error:
        raise SignInFailed("What Globus answered does not check. Sign in again.") from error


def _sentence(answer: Mapping[str, Any]) -> str:
    """OAuth errors leave the SDK's own ``code`` empty, so the body is read."""
    if answer.get("error") == "invalid_grant":
        return "This sign-in has expired or was used before. Sign in again."
    return f"Globus refused the sign-in ({answer.get('error', 'no reason given')}). Try again."
