"""Frames on their way to one client, in order, bounded in bytes.

Two bounds, since a slow client must neither hold memory nor lose control events:

* past the *soft* bound whoever produces audio and text waits (:meth:`Outbox.room`);
* past the *hard* bound the client is given up (:class:`OutboxOverflow`, close code 1013).
"""

from __future__ import annotations

from collections import deque

import anyio

__all__ = ["HARD_BOUND_BYTES", "SOFT_BOUND_BYTES", "Outbox", "OutboxOverflow"]

SOFT_BOUND_BYTES = 1 << 20
"""1 MiB: some 16 s of 24 kHz speech as base64 JSON."""

HARD_BOUND_BYTES = 8 << 20
"""8 MiB: control events alone do not get here unless the client has stopped reading."""


class OutboxOverflow(Exception):  # noqa: N818 (it says what happened)
    """The client does not read what it is sent."""


class Outbox:
    """An ordered buffer between the host and the transport's writer. One reader, one loop."""

    def __init__(
        self, soft_bytes: int = SOFT_BOUND_BYTES, hard_bytes: int = HARD_BOUND_BYTES
    ) -> None:
        self._frames: deque[bytes] = deque()  # bounded by hard_bytes
        self._held_bytes = 0
        self._soft_bytes = soft_bytes
        self._hard_bytes = hard_bytes
        self._arrived: anyio.Event | None = None  # only while the reader waits
        self._drained: anyio.Event | None = None  # only while a writer waits
        self._closed = False

    @property
    def held_bytes(self) -> int:
        """How much waits to be sent."""
        return self._held_bytes

    @property
    def closed(self) -> bool:
        """Whether it takes no more."""
        return self._closed

    def put(self, frame: bytes) -> None:
        """Add a frame; once closed, drop it.

        Raises:
            OutboxOverflow: If more than the hard bound waits already.
        """
        if self._closed:
            return
        if self._held_bytes > self._hard_bytes:
            message = (
                f"{self._held_bytes} bytes wait to be read by the client; "
                f"the limit is {self._hard_bytes}"
            )
            raise OutboxOverflow(message)
        self._frames.append(frame)
        self._held_bytes += len(frame)
        if self._arrived is not None:
            self._arrived.set()

    async def get(self) -> bytes | None:
        """Wait for the next frame and take it; ``None`` once closed and empty."""
        while not self._frames:
            if self._closed:
                return None
            self._arrived = anyio.Event()
            await self._arrived.wait()
            self._arrived = None
        frame = self._frames.popleft()
        self._held_bytes -= len(frame)
        if self._held_bytes <= self._soft_bytes and self._drained is not None:
            self._drained.set()
            self._drained = None
        return frame

    async def room(self) -> None:
        """Wait while more than the soft bound is held."""
        while self._held_bytes > self._soft_bytes and not self._closed:
            self._drained = self._drained or anyio.Event()  # several may wait
            await self._drained.wait()

    def discard(self) -> None:
        """Throw away what waits to be sent."""
        self._frames.clear()
        self._held_bytes = 0

    def close(self) -> None:
        """Take no more; the reader gets what is left, then ``None``."""
        self._closed = True
        for event in (self._arrived, self._drained):
            if event is not None:
                event.set()
