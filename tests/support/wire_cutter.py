"""A line between a client and a server that can be cut, as no client or server would do it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

__all__ = ["WireCutter", "wire_cutter"]

_CHUNK_BYTES = 1 << 16


class WireCutter:
    """Passes TCP connections on.

    Args:
        host: Where the server is.
        port: Its port.

    Attributes:
        port: Where clients connect.
    """

    def __init__(self, host: str, port: int) -> None:
        self.port = 0
        self._server = host, port
        self._ends: list[asyncio.StreamWriter] = []

    def cut(self) -> None:
        """Break all connections at both ends, without a word."""
        ends, self._ends = self._ends, []
        for end in ends:
            end.transport.abort()

    async def connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Pass one connection on, until it ends."""
        behind, ahead = await asyncio.open_connection(*self._server)
        self._ends += [writer, ahead]
        await asyncio.gather(_pass_on(reader, ahead), _pass_on(behind, writer))


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while chunk := await reader.read(_CHUNK_BYTES):
            writer.write(chunk)
            await writer.drain()
    except OSError:
        pass  # it was cut
    writer.close()


@asynccontextmanager
async def wire_cutter(url: str) -> AsyncIterator[WireCutter]:
    """Lay lines to the server at ``http://host:port`` until the context ends."""
    host, _, port = url.removeprefix("http://").rpartition(":")
    cutter = WireCutter(host, int(port))
    async with await asyncio.start_server(cutter.connect, "127.0.0.1", 0) as listening:
        cutter.port = listening.sockets[0].getsockname()[1]
        yield cutter
        cutter.cut()
