"""A TCP proxy on loopback that adds a delay to whatever the client sends: the way to a real region.

``python -m tests.bench.delaying_proxy TARGET_PORT SECONDS`` prints the port it listens on.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial


async def pipe(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, delay: float = 0
) -> None:
    """Each piece goes on ``delay`` seconds after it came, however many are on their way."""
    loop = asyncio.get_running_loop()
    while data := await reader.read(2**20):
        if delay:
            loop.call_later(delay, writer.write, data)
        else:
            writer.write(data)
    loop.call_later(delay, writer.close)


async def connected(
    target: int, delay: float, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    up_reader, up_writer = await asyncio.open_connection("127.0.0.1", target)
    await asyncio.gather(
        pipe(reader, up_writer, delay), pipe(up_reader, writer), return_exceptions=True
    )


async def serve(target: int, delay: float) -> None:
    server = await asyncio.start_server(partial(connected, target, delay), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


@contextmanager
def delayed(port: int, seconds: float) -> Iterator[int]:
    """A port that leads to ``port``, ``seconds`` later; in a process of its own."""
    proxy = subprocess.Popen(
        [sys.executable, "-m", __name__, str(port), str(seconds)], stdout=subprocess.PIPE, text=True
    )
    try:
        assert proxy.stdout is not None
        yield int(proxy.stdout.readline())
    finally:
        proxy.kill()
        proxy.wait()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), float(sys.argv[2])))
