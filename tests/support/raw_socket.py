"""WebSocket clients that do with their connection what no library would let them."""

from __future__ import annotations

import base64
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import anyio
from anyio.abc import SocketStream
from websockets.frames import Frame, Opcode

from tests.support.client import PATIENCE_S

__all__ = ["RawSocket", "masked", "raw_socket"]

_KEY = base64.b64encode(bytes(16)).decode()
_HANDSHAKE = (
    "GET /v1/realtime?model=antiphon HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\n"
    f"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {_KEY}\r\n\r\n"
)


def masked(opcode: Opcode, content: bytes, *, fin: bool = True) -> bytes:
    """Return a frame as clients send it."""
    return Frame(opcode, content, fin=fin).serialize(mask=True)


class RawSocket:
    """A connection that has been upgraded, and of which nothing further has been read."""

    def __init__(self, stream: SocketStream) -> None:
        self._stream = stream

    async def send(self, content: bytes) -> None:
        """Send bytes."""
        await self._stream.send(content)

    async def closed(self) -> bytes:
        """Read until the server ends the connection, and return the last bytes."""
        received = b""
        with anyio.fail_after(PATIENCE_S):
            try:
                while True:
                    received = (received + await self._stream.receive())[-200:]
            except (anyio.EndOfStream, anyio.BrokenResourceError):
                return received


@asynccontextmanager
async def raw_socket(url: str, receive_buffer_bytes: int | None = None) -> AsyncIterator[RawSocket]:
    """Open a connection to the server at ``http://host:port``, and end it without a word.

    Args:
        url: The server's address.
        receive_buffer_bytes: What the system takes in before it has the server wait; ``None`` for
            some megabytes.
    """
    parts = urlsplit(url)
    assert parts.hostname
    assert parts.port
    ours = socket.socket()
    if receive_buffer_bytes is not None:
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer_bytes)
    ours.connect((parts.hostname, parts.port))
    async with await SocketStream.from_socket(ours) as stream:
        await stream.send(_HANDSHAKE.encode())
        head = b""
        with anyio.fail_after(PATIENCE_S):
            while b"\r\n\r\n" not in head:
                head += await stream.receive(1)
        assert head.startswith(b"HTTP/1.1 101 "), head
        yield RawSocket(stream)
        await anyio.aclose_forcefully(stream)
