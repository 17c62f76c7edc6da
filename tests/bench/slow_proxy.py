"""A proxy that adds a fixed delay to whatever the client sends: ``PORT TARGET_PORT SECONDS``."""

from __future__ import annotations

import asyncio
import sys


async def pipe(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, delay: float = 0
) -> None:
    try:
        while data := await reader.read(2**20):
            if delay:
                await asyncio.sleep(delay)
            writer.write(data)
            await writer.drain()
    except ConnectionError:
        pass
    finally:
        writer.close()


async def serve(port: int, target: int, delay: float) -> None:
    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        up_reader, up_writer = await asyncio.open_connection("127.0.0.1", target)
        await asyncio.gather(pipe(reader, up_writer, delay), pipe(up_reader, writer))

    server = await asyncio.start_server(connected, "127.0.0.1", port, limit=2**22)
    print("ready", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])))
