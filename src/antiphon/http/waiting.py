"""What a connection waits with, at no memory while nothing happens.

asyncio's own keep queues of those who wait, 760 bytes each, four of them in a ``Queue``.
"""

from __future__ import annotations

import asyncio
from typing import Generic, TypeVar

__all__ = ["Gate", "Inbox"]

T = TypeVar("T")


class Gate:
    """Used as :class:`asyncio.Event` is; set at first, and mostly."""

    def __init__(self) -> None:
        self._opened: asyncio.Event | None = None  # only while it is closed

    def is_set(self) -> bool:
        """Whether it is open."""
        return self._opened is None

    def clear(self) -> None:
        """Let nobody pass."""
        if self._opened is None:
            self._opened = asyncio.Event()

    def set(self) -> None:
        """Let everybody pass."""
        if self._opened is not None:
            self._opened.set()
            self._opened = None

    async def wait(self) -> None:
        """Pass, as soon as it is open."""
        if self._opened is not None:
            await self._opened.wait()


class Inbox(Generic[T]):
    """Used as :class:`asyncio.Queue` is, by one reader; mostly empty. Does not bound itself."""

    def __init__(self) -> None:
        self._messages: list[T] = []  # short: whoever puts them in has the client wait
        self._arrived: asyncio.Future[None] | None = None  # only while the reader waits

    def empty(self) -> bool:
        """Whether nothing is there to be taken."""
        return not self._messages

    def put_nowait(self, message: T) -> None:
        """Add a message."""
        self._messages.append(message)
        if self._arrived is not None and not self._arrived.done():
            self._arrived.set_result(None)

    async def get(self) -> T:
        """Wait for the next message and take it."""
        while not self._messages:
            self._arrived = asyncio.get_running_loop().create_future()
            try:
                await self._arrived
            finally:
                self._arrived = None
        return self._messages.pop(0)
