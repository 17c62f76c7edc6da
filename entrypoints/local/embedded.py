"""The embedded cloud's own process: MiniStack behind a gate that only lets AWS calls through.

MiniStack's administration (``POST /_ministack/reset`` deletes every file) asks for no signature,
and a web page anywhere can make a browser on this machine post to loopback. The gate answers those
paths with 404 and any Host header but loopback's with 403, against DNS rebinding. One path, whose
name only the starter knows, answers once the cloud is ready: so it hears its own child and not
whatever else got the port.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from typing import Any

Scope = dict[str, Any]
Send = Callable[[dict[str, Any]], Awaitable[None]]
Receive = Callable[[], Awaitable[dict[str, Any]]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

NOT_AWS = ("/_ministack", "/_localstack", "/_aws")


def gate(app: App, *, port: int, ready_path: str) -> App:
    """``app`` for AWS clients on this machine only, with 204 at ``ready_path``."""
    hosts = {f"127.0.0.1:{port}".encode(), f"localhost:{port}".encode()}

    async def gated(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await app(scope, receive, send)
        elif dict(scope["headers"]).get(b"host") not in hosts:
            await _answer(send, 403, scope)
        elif scope["path"] == ready_path:
            await _answer(send, 204, scope)
        elif scope["path"].startswith(NOT_AWS):
            await _answer(send, 404, scope)
        else:
            await app(scope, receive, send)

    return gated


async def _answer(send: Send, status: int, scope: Scope) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1008})
        return
    await send({"type": "http.response.start", "status": status, "headers": []})
    await send({"type": "http.response.body", "body": b""})


def main() -> None:
    """Serve on 127.0.0.1 at ``GATEWAY_PORT`` until SIGTERM; ready at ``GAS_READY_PATH``."""
    from hypercorn.asyncio import serve
    from hypercorn.config import Config
    from ministack.app import app

    port = int(os.environ["GATEWAY_PORT"])
    config = Config()
    config.bind = [f"127.0.0.1:{port}"]
    config.graceful_timeout = 0.2  # long polls would hold it for twenty seconds
    config.keep_alive_timeout = 75
    config.loglevel = "WARNING"
    gated = gate(app, port=port, ready_path=os.environ["GAS_READY_PATH"])
    asyncio.run(serve(gated, config))  # type: ignore[arg-type]
    sys.exit(0)


if __name__ == "__main__":
    main()
