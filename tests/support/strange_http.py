"""HTTP servers that answer whatever a test has them answer, byte by byte."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeAlias

__all__ = ["Answer", "StrangeServer", "answering", "strange_server"]

Answer: TypeAlias = Callable[[str, asyncio.StreamWriter], Awaitable[None]]
"""Answers a request, of which it is given the head; the connection is closed afterwards."""


class StrangeServer:
    """A server that runs.

    Attributes:
        port: Its TCP port.
        heads: Of the requests that have come, in order.
        connections: How many have been made.
    """

    def __init__(self, answer: Answer) -> None:
        self.port = 0
        self.heads: list[str] = []
        self.connections = 0
        self._answer = answer

    def url(self, host: str = "127.0.0.1", path: str = "/mcp") -> str:
        """Return its address, by any name."""
        return f"http://{host}:{self.port}{path}"

    async def connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Take one connection."""
        self.connections += 1
        with contextlib.suppress(OSError, asyncio.IncompleteReadError), contextlib.closing(writer):
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            self.heads.append(head)
            await self._answer(head, writer)


@asynccontextmanager
async def strange_server(
    answer: Answer, address: str = "127.0.0.1"
) -> AsyncIterator[StrangeServer]:
    """Run a server until the context ends."""
    strange = StrangeServer(answer)
    listening = await asyncio.start_server(strange.connect, address, 0)
    strange.port = listening.sockets[0].getsockname()[1]
    try:
        yield strange
    finally:
        listening.close()


def answering(*parts: bytes, again: int = 1) -> Answer:
    """Return an answer: its first part, and the others over and over."""

    async def answer(_head: str, writer: asyncio.StreamWriter) -> None:
        first, *others = parts
        writer.write(first)
        for _ in range(again):
            for part in others:
                writer.write(part)
            await writer.drain()

    return answer
