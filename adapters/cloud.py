"""boto3 clients: one of each service for a process, AWS's own settings or the embedded cloud."""

from __future__ import annotations

import threading
from typing import Any

CONNECT_SECONDS = 5
READ_SECONDS = 30


class Cloud:
    """Makes each client once, on first use. ``endpoint`` is the embedded cloud's, or None for AWS.

    Never make one before a fork: connections do not survive it.
    """

    def __init__(self, endpoint: str | None) -> None:
        self._endpoint = endpoint
        self._clients: dict[str, Any] = {}
        self._lock = threading.Lock()

    def client(self, service: str) -> Any:
        """The client of ``s3``, ``sns``, ``sqs``, …; safe to share between threads."""
        with self._lock:
            if service not in self._clients:
                self._clients[service] = self._make(service)
            return self._clients[service]

    def _make(self, service: str) -> Any:
        import boto3
        from botocore.config import Config

        config = Config(
            signature_version="s3v4" if service == "s3" else None,
            s3={"addressing_style": "path"} if self._endpoint else None,
            connect_timeout=CONNECT_SECONDS,
            read_timeout=READ_SECONDS,
            max_pool_connections=50,
            retries={"mode": "standard", "max_attempts": 4},
        )
        local = self._local() if self._endpoint else {}
        return boto3.client(service, config=config, **local)  # type: ignore[call-overload]

    def _local(self) -> dict[str, Any]:
        """The embedded cloud's credentials are fixed and open to every user of the machine."""
        return {
            "endpoint_url": self._endpoint,
            "region_name": "us-east-1",
            "aws_access_key_id": "test",
            "aws_secret_access_key": "test",
        }
