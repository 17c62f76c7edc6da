"""Keeping somebody's secret among the records so that only this service can read it."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cryptography.fernet import Fernet

PURPOSE = b"gas records"  # the same secret signs cookies: each use has a key of its own


@dataclass(frozen=True)
class Seal:
    """Encrypts (Fernet) under a key made of the service's own secret by HKDF-SHA256."""

    secret: str

    def close(self, text: str) -> str:
        """The sealed text; another one each time."""
        return self._fernet.encrypt(text.encode()).decode()

    def open(self, sealed: str) -> str:
        """What was sealed; empty when that was under another secret, or it was altered."""
        from cryptography.fernet import InvalidToken

        try:
            return self._fernet.decrypt(sealed.encode()).decode()
        except InvalidToken:
            return ""

    @cached_property
    def _fernet(self) -> Fernet:
        from cryptography.fernet import Fernet
        from cryptography.hazmat.primitives.hashes import SHA256
        from cryptography.hazmat.primitives.kdf.hkdf import HKDF

        key = HKDF(algorithm=SHA256(), length=32, salt=None, info=PURPOSE)
        return Fernet(urlsafe_b64encode(key.derive(self.secret.encode())))
