"""Events that SNS pushes over HTTPS: believed only when SNS itself signed them for our topic.

Follows "Verifying the signatures of Amazon SNS messages" in AWS's developer guide: version 1 is
RSA with SHA-1, version 2 with SHA-256. The certificate comes from an SNS host over TLS, which is
what makes it trustworthy; a message that names any other address is refused before it is fetched.
Replays are harmless: a message is a hint, and whoever gets it looks what is left to do. An old one
is refused nevertheless, as the guide asks for.

Anybody can name a certificate that is not there: one is fetched at a time, a failure remembered.
"""

from __future__ import annotations

import base64
import json
import re
import threading
import urllib.request
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.client import HTTPException
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from domain.errors import DomainError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
    from cryptography.hazmat.primitives.hashes import HashAlgorithm

PLAIN_URL = re.compile(r"[!-~]+")  # nothing but what may stand in a request
SNS_HOST = re.compile(r"sns\.[a-z0-9-]{3,}\.amazonaws\.com(\.cn)?")
NOTIFICATION, CONFIRMATION = "Notification", "SubscriptionConfirmation"
SIGNED: Mapping[str, tuple[str, ...]] = {
    NOTIFICATION: ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"),
    CONFIRMATION: (
        "Message",
        "MessageId",
        "SubscribeURL",
        "Timestamp",
        "Token",
        "TopicArn",
        "Type",
    ),
}
OPTIONAL = ("Subject",)
FRESH = timedelta(hours=1)
ANSWER_SECONDS = 5
ANSWER_BYTES = 64 * 1024
TURN_SECONDS = 2
KEPT = 64  # keys, and failures
FAILURE_LASTS = timedelta(seconds=30)


class ForgedPush(DomainError):
    """A push that SNS did not sign for one of our topics just now; nothing was done."""

    code = "forged_push"


class MalformedPush(ForgedPush):
    """What was pushed is not a message of SNS's at all."""


class UnverifiedPush(DomainError):
    """SNS could not be asked for what proves the push, or confirms it; a later push may work."""

    code = "unverified_push"


@dataclass(frozen=True, slots=True)
class Push:
    """What was pushed: ``body`` is the event; empty for a confirmed subscription."""

    topic: str
    body: str


class SnsPushes:
    """Checks pushes for the given topics (ARNs) and answers SNS's request to subscribe.

    ``fetch`` gets an address over HTTPS; given for tests, which sign with a throw-away certificate.
    """

    def __init__(
        self,
        topics: Collection[str],
        *,
        now: Callable[[], datetime],
        fetch: Callable[[str], bytes] | None = None,
    ) -> None:
        self._topics = frozenset(topics)
        self._now = now
        self._fetch = fetch or fetch_https
        self._keys: dict[str, RSAPublicKey] = {}
        self._failed: dict[str, datetime] = {}  # addresses, and when they may be tried again
        self._turn = threading.Lock()  # to fetch a certificate

    def receive(self, raw: bytes) -> Push:
        """The push in a request's body; ``ForgedPush`` with a sentence for anything else.

        A subscription's confirmation is answered here. ``UnverifiedPush`` while SNS is away.
        """
        message = _parsed(raw)
        if message["TopicArn"] not in self._topics:
            raise ForgedPush("The message is not from a topic of ours.")
        self._verify(message)
        if self._now() - _time_of(message["Timestamp"]) > FRESH:
            raise ForgedPush("The message is too old.")
        if message["Type"] == CONFIRMATION:
            self._fetched(_on_sns(message["SubscribeURL"]))
            return Push(message["TopicArn"], "")
        return Push(message["TopicArn"], message["Message"])

    def _verify(self, message: Mapping[str, str]) -> None:
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15

        try:
            signature = base64.b64decode(message["Signature"], validate=True)
            key = self._key(_certificate_url(message["SigningCertURL"]))
            digest = _digest(message["SignatureVersion"])
            key.verify(signature, canonical(message), PKCS1v15(), digest)
        except (InvalidSignature, ValueError) as error:  # also what is no base64 or no text
            raise ForgedPush("The message's signature does not verify.") from error

    def _key(self, url: str) -> RSAPublicKey:
        if known := self._keys.get(url):
            return known
        if not self._turn.acquire(timeout=TURN_SECONDS):
            raise UnverifiedPush("Another certificate is being fetched.")
        try:
            return self._keys.get(url) or self._new_key(url)
        finally:
            self._turn.release()

    def _new_key(self, url: str) -> RSAPublicKey:
        if self._now() < self._failed.get(url, self._now()):
            raise UnverifiedPush("The message's certificate could not be had a moment ago.")
        try:
            key = _key_of(self._fetched(url))
        except DomainError:
            _remember(self._failed, url, self._now() + FAILURE_LASTS)
            raise
        _remember(self._keys, url, key)
        return key

    def _fetched(self, url: str) -> bytes:
        try:
            return self._fetch(url)
        except (OSError, HTTPException) as error:
            raise UnverifiedPush("SNS cannot be asked at the moment.") from error


def _remember(kept: dict[str, Any], url: str, value: object) -> None:
    if len(kept) >= KEPT:
        kept.clear()
    kept[url] = value


def canonical(message: Mapping[str, str]) -> bytes:
    """The bytes SNS signs: names and values of certain fields, one a line."""
    present = (name for name in SIGNED[message["Type"]] if name in message)
    return "".join(f"{name}\n{message[name]}\n" for name in present).encode()


def fetch_https(url: str) -> bytes:
    """A small answer over HTTPS, from exactly that address; ``OSError`` otherwise."""
    if urlsplit(url).scheme != "https":
        raise OSError(f"not an HTTPS address: {url}")
    opener = urllib.request.build_opener(_NoRedirect)
    with opener.open(url, timeout=ANSWER_SECONDS) as answer:
        return bytes(answer.read(ANSWER_BYTES))


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: object) -> None:
        return None


def _parsed(raw: bytes) -> dict[str, str]:
    try:
        message: Any = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise MalformedPush("The body is not a message of SNS.") from error
    kind = message.get("Type") if isinstance(message, dict) else None
    if not isinstance(kind, str) or kind not in SIGNED:
        raise MalformedPush("The body is not a message of SNS.")
    needed = {*SIGNED[message["Type"]], "Signature", "SignatureVersion", "SigningCertURL"}
    missing = needed - set(OPTIONAL) - set(message)
    if missing or not all(isinstance(message[name], str) for name in needed & set(message)):
        raise MalformedPush("The message of SNS is not complete.")
    fields: dict[str, str] = message
    return fields


def _time_of(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise MalformedPush("The message of SNS names no time.") from error


def _on_sns(url: str) -> str:
    """The address if it is one of SNS itself, over TLS, at its usual port."""
    try:
        parts = urlsplit(url)
    except ValueError as error:  # like “https://[”
        raise ForgedPush("The message leads to no address at all.") from error
    if (
        not PLAIN_URL.fullmatch(url)
        or parts.scheme != "https"
        or not SNS_HOST.fullmatch(parts.netloc)
    ):
        raise ForgedPush("The message leads to an address that is not SNS's.")
    return url


def _certificate_url(url: str) -> str:
    if not urlsplit(_on_sns(url)).path.endswith(".pem"):
        raise ForgedPush("The message names no certificate of SNS.")
    return url


def _digest(version: str) -> HashAlgorithm:
    from cryptography.hazmat.primitives import hashes

    match version:
        case "1":
            return hashes.SHA1()  # noqa: S303 - what SNS signs with unless told otherwise
        case "2":
            return hashes.SHA256()
    raise ForgedPush("The message's signature has an unknown version.")


def _key_of(pem: bytes) -> RSAPublicKey:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

    try:
        certificate = x509.load_pem_x509_certificate(pem)
    except ValueError as error:
        raise ForgedPush("What SNS serves is not a certificate.") from error
    if not certificate.not_valid_before_utc <= datetime.now(UTC) <= certificate.not_valid_after_utc:
        raise ForgedPush("The certificate has expired.")
    key = certificate.public_key()
    if not isinstance(key, RSAPublicKey):
        raise ForgedPush("The certificate's key is not of the kind SNS uses.")
    return key
