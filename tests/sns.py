"""SNS as those it pushes to know it: signed with a throw-away certificate."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from adapters.push_sns import canonical

TOPIC = "arn:aws:sns:us-east-1:123456789012:gas-events"
CERTIFICATE = "https://sns.us-east-1.amazonaws.com/SimpleNotificationService-1.pem"
SUBSCRIBE = "https://sns.us-east-1.amazonaws.com/?Action=ConfirmSubscription&Token=abc"
NOW = datetime.now(UTC)
DIGESTS: dict[str, Any] = {"1": hashes.SHA1(), "2": hashes.SHA256()}  # noqa: S303


class Sns:
    """Signs like SNS, serves its certificate, and notes what was fetched."""

    def __init__(self, *, lasts: timedelta = timedelta(days=1)) -> None:
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "sns.amazonaws.com")])
        now = datetime.now(UTC)
        self._pem = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(self._key.public_key())
            .serial_number(1)
            .not_valid_before(now - timedelta(days=2))
            .not_valid_after(now + lasts)
            .sign(self._key, hashes.SHA256())
            .public_bytes(serialization.Encoding.PEM)
        )
        self.fetched: list[str] = []

    def fetch(self, url: str) -> bytes:
        self.fetched.append(url)
        return self._pem

    def sign(self, version: str = "2", **fields: str) -> dict[str, str]:
        message = {
            "Type": "Notification",
            "MessageId": "m-1",
            "TopicArn": TOPIC,
            "Message": '{"type":"job.submitted.v1"}',
            "Timestamp": NOW.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "SignatureVersion": version,
            "SigningCertURL": CERTIFICATE,
        } | fields
        raw = self._key.sign(canonical(message), padding.PKCS1v15(), DIGESTS[version])
        return message | {"Signature": base64.b64encode(raw).decode()}

    def confirmation(self, **fields: str) -> dict[str, str]:
        about = {"Type": "SubscriptionConfirmation", "Token": "abc", "SubscribeURL": SUBSCRIBE}
        return self.sign(**(about | fields))
