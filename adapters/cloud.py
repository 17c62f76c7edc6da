"""boto3 clients: one of each service for a process, of AWS or of the embedded cloud."""

from __future__ import annotations

import os
from threading import Lock
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import boto3

READ_SECONDS = 30  # above SQS's longest poll of twenty
CONNECT_SECONDS = 5
ATTEMPTS = 4
# Where keys are given, nothing of a developer's profile may colour the clients.
# botocore's own shape: name in the file, environment variables, default, conversion.
NO_PROFILE = {
    "profile": (None, None, None, None),
    "config_file": (None, None, os.devnull, None),
    "credentials_file": (None, None, os.devnull, None),
}


class Cloud:
    """Makes each client once, on first use, for all threads. Never before a fork.

    ``endpoint`` is the embedded cloud's, or None for AWS. Region and credentials that are not
    given boto3 finds where it always looks: environment, profile, the machine's role.
    """

    def __init__(
        self,
        endpoint: str | None = None,
        *,
        region: str | None = None,
        access_key: str | None = None,
        secret_key: str | None = None,
    ) -> None:
        self._endpoint = endpoint
        self._region = region
        self._keys = (access_key, secret_key)
        self._lock = Lock()
        self._session: boto3.Session | None = None
        self._clients: dict[tuple[str, int], Any] = {}

    def environment(self) -> dict[str, str]:
        """AWS's own variables for whoever makes clients of their own; only what was given here."""
        given = {
            "AWS_ENDPOINT_URL": self._endpoint,
            "AWS_DEFAULT_REGION": self._region,
            "AWS_ACCESS_KEY_ID": self._keys[0],
            "AWS_SECRET_ACCESS_KEY": self._keys[1],
        }
        return {name: value for name, value in given.items() if value}

    def at(self, endpoint: str) -> Cloud:
        """Clients of another endpoint, for the same region and with the same keys."""
        access_key, secret_key = self._keys
        return Cloud(endpoint, region=self._region, access_key=access_key, secret_key=secret_key)

    def client(self, service: str, *, attempts: int = ATTEMPTS) -> Any:
        """The client of ``s3``, ``sns``, ``sqs``, …; safe to share between threads.

        ``attempts``: how often a request is made until its failure counts.
        """
        with self._lock:
            if (service, attempts) not in self._clients:
                self._clients[service, attempts] = self._new_client(service, attempts)
            return self._clients[service, attempts]

    def _new_client(self, service: str, attempts: int) -> Any:
        from botocore.config import Config

        if self._session is None:
            self._session = self._new_session()
        config = Config(
            signature_version="s3v4" if service == "s3" else None,
            # Loopback has no bucket hosts; AWS's presigned links need the bucket's own host.
            s3={"addressing_style": "path" if self._endpoint else "virtual"},
            connect_timeout=CONNECT_SECONDS,
            read_timeout=READ_SECONDS,
            retries={"mode": "standard", "total_max_attempts": attempts},
            max_pool_connections=50,
        )
        return self._session.client(service, endpoint_url=self._endpoint, config=config)  # type: ignore[call-overload]

    def _new_session(self) -> boto3.Session:
        import boto3
        from botocore.session import Session

        if self._keys[0] is None:
            # AWS's other tools go by AWS_REGION; boto3 by itself does not
            return boto3.Session(region_name=self._region or os.environ.get("AWS_REGION"))
        own = Session(session_vars=NO_PROFILE)
        return boto3.Session(*self._keys, region_name=self._region, botocore_session=own)
