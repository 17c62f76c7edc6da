"""Clients of AWS, or of the embedded cloud where an endpoint is given."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import boto3

READ_SECONDS = 30  # above SQS's longest poll of twenty
CONNECT_SECONDS = 5


class Aws:
    """Where AWS is; one client per service, made when first asked for and shared by all threads.

    Without ``endpoint`` it is AWS itself and boto3 finds the credentials. ``region`` is needed in
    either case, because presigned links name it. Never ask for a client before a fork.
    """

    def __init__(
        self,
        *,
        region: str,
        endpoint: str | None = None,
        access_key: str | None = None,
        secret_key: str | None = None,
    ) -> None:
        self.region = region
        self.endpoint = endpoint
        self._keys = (access_key, secret_key)
        self._lock = Lock()
        self._session: boto3.Session | None = None
        self._clients: dict[str, Any] = {}

    def client(self, service: str) -> Any:
        """The client of a service by boto3's name of it."""
        with self._lock:
            if service not in self._clients:
                self._clients[service] = self._new_client(service)
            return self._clients[service]

    def _new_client(self, service: str) -> Any:
        import boto3
        from botocore.config import Config

        if self._session is None:
            self._session = boto3.Session(*self._keys, region_name=self.region)
        config = Config(
            signature_version="s3v4" if service == "s3" else None,
            # Loopback has no bucket hosts; AWS's presigned links need the bucket's own host.
            s3={"addressing_style": "path" if self.endpoint else "virtual"},
            connect_timeout=CONNECT_SECONDS,
            read_timeout=READ_SECONDS,
            retries={"mode": "standard", "max_attempts": 4},
            max_pool_connections=32,
        )
        return self._session.client(service, endpoint_url=self.endpoint, config=config)  # type: ignore[call-overload]
