"""The embedded cloud's own process: MiniStack behind a gate that only lets our AWS calls through.

MiniStack's administration (``POST /_ministack/reset`` deletes every file) asks for no signature,
its root keys (``test``, any twelve digits) are believed without one, and a web page anywhere can
make a browser on this machine post to loopback. So there is one IAM user, whose signatures
MiniStack does verify, and the gate refuses every other key, those paths, and any Host header but
loopback's, against DNS rebinding. One path, whose name only the starter knows, answers once the
cloud is ready: so it hears its own child and not whatever else got the port.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import secrets
import signal
import sys
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

if TYPE_CHECKING:
    from hypercorn.config import Config

Scope = dict[str, Any]
Send = Callable[[dict[str, Any]], Awaitable[None]]
Receive = Callable[[], Awaitable[dict[str, Any]]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

USER = "gas"
MAILS = "/_ministack/ses/messages"
GRACE_SECONDS = 0.2  # for requests that are under way when it is told to stop
NOT_AWS = ("/_ministack", "/_localstack", "/_aws")
REFUSED = (
    b"<ErrorResponse><Error><Type>Sender</Type><Code>InvalidClientTokenId</Code>"
    b"<Message>This cloud answers to its own service alone.</Message></Error></ErrorResponse>"
)
KEY_IN_HEADER = re.compile(r"Credential=([^/,\s]*)|^AWS ([^:]*):")
KEY_IN_QUERY = ("x-amz-credential", "awsaccesskeyid")


@dataclass(frozen=True, slots=True)
class Gate:
    """What one embedded cloud answers to."""

    port: int
    access_key: str
    ready_path: str

    @property
    def mails_path(self) -> str:
        """Where the starter, and nobody else, may read the mails SES would have sent."""
        return self.ready_path + "/mails"

    def status(self, scope: Scope) -> int | None:
        """The status to answer a request with at once, or None to let it through."""
        headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
        if headers.get(b"host") not in (f"127.0.0.1:{self.port}", f"localhost:{self.port}"):
            return 403
        if scope["path"] == self.ready_path:
            return 204
        if scope["path"].startswith(NOT_AWS):
            return 404
        named = set(_keys(headers.get(b"authorization", ""), scope["query_string"].decode()))
        return 403 if named - {self.access_key} else None


def _keys(authorization: str, query: str) -> Iterator[str]:
    """Every access key a request names, wherever it does."""
    for groups in KEY_IN_HEADER.findall(authorization):
        yield "".join(groups)
    for name, value in parse_qsl(query, keep_blank_values=True):
        if name.lower() in KEY_IN_QUERY:
            yield value.split("/")[0]


def gated(app: App, gate: Gate) -> App:
    """``app`` for whoever passes the gate."""

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] == gate.mails_path:
            scope = scope | {"path": MAILS, "raw_path": MAILS.encode()}
            await app(scope, receive, send)
            return
        status = None if scope["type"] == "lifespan" else gate.status(scope)
        if status is None:
            await app(scope, receive, send)
        else:
            await _answer(send, status, scope)

    return answer


class Endable:
    """An app whose requests end when it shall: a long poll would go on for twenty seconds.

    The server would cancel the whole connection then, which asyncio calls an error.
    """

    def __init__(self, app: App) -> None:
        self._app = app
        self._running: set[asyncio.Task[Any]] = set()
        self._ended = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        task: asyncio.Task[Any] = asyncio.current_task()  # type: ignore[assignment]
        self._running.add(task)
        try:
            await self._app(scope, receive, send)
        except asyncio.CancelledError:
            if not self._ended:
                raise
        finally:
            self._running.discard(task)

    async def end(self, grace: float) -> None:
        """End every request that is not done after ``grace`` seconds."""
        if self._running:
            await asyncio.wait(self._running, timeout=grace)
        self._ended = True
        for task in self._running:
            task.cancel()


def admit(access_key: str, secret_key: str) -> None:
    """Make the one IAM user, as MiniStack would after loading it from a saved state."""
    from ministack.services import iam

    everything = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [everything]})
    made = "2026-01-01T00:00:00Z"
    user = {
        "UserName": USER,
        "Arn": f"arn:aws:iam::000000000000:user/{USER}",
        "UserId": "AIDAGASLOCAL",
        "CreateDate": made,
        "Path": "/",
        "PermissionsBoundary": "",
        "AttachedPolicies": [],
        "Tags": [],
    }
    key = {
        "UserName": USER,
        "AccessKeyId": access_key,
        "SecretAccessKey": secret_key,
        "Status": "Active",
        "CreateDate": made,
    }
    iam.load_persisted_state(
        {
            "users": {USER: user},
            "user_inline_policies": {USER: {"everything": policy}},
            "access_keys": {access_key: key},
        }
    )


async def _answer(send: Send, status: int, scope: Scope) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1008})
        return
    body = REFUSED if status == 403 else b""
    await send({"type": "http.response.start", "status": status, "headers": []})
    await send({"type": "http.response.body", "body": body})


def main() -> None:
    """Serve on 127.0.0.1 at ``GATEWAY_PORT`` until SIGTERM; see ``cloud`` for the environment."""
    access_key, secret_key = os.environ["GAS_ACCESS_KEY"], os.environ["GAS_SECRET_KEY"]
    # MiniStack's root signs nothing for us: nobody shall know its secret.
    os.environ["AWS_SECRET_ACCESS_KEY"] = secrets.token_urlsafe(30)
    from hypercorn.config import Config
    from ministack.app import app

    admit(access_key, secret_key)
    gate = Gate(int(os.environ["GATEWAY_PORT"]), access_key, os.environ["GAS_READY_PATH"])
    config = Config()
    config.bind = [f"127.0.0.1:{gate.port}"]
    config.graceful_timeout = 1.0
    config.keep_alive_timeout = 75
    config.loglevel = "WARNING"
    asyncio.run(_serve(Endable(gated(app, gate)), config))
    sys.exit(0)


async def _serve(app: Endable, config: Config) -> None:
    from hypercorn.asyncio import serve

    told = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, told.set)

    async def until_ended() -> None:
        await told.wait()
        await app.end(GRACE_SECONDS)

    await serve(app, config, shutdown_trigger=until_ended)  # type: ignore[arg-type]


if __name__ == "__main__":
    main()
