"""Frames on their way to one client, in order, bounded in bytes.

Two bounds, since a slow client must neither hold memory nor lose control events:

* past the *soft* bound whoever produces audio and text waits (:meth:`Outbox.room`);
* past the *hard* bound the client is given up (:class:`OutboxOverflow`, close code 1013).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import anyio

__all__ = ["HARD_BOUND_BYTES", "LINGER_S", "SOFT_BOUND_BYTES", "Outbox", "OutboxOverflow"]

SOFT_BOUND_BYTES = 1 << 20
"""1 MiB: some 16 s of 24 kHz speech as base64 JSON."""

HARD_BOUND_BYTES = 8 << 20
"""8 MiB: control events alone do not get here unless the client has stopped reading."""

LINGER_S = 0.1
"""How long a writer waits for the next frame. One that waits on takes 5 KiB of an idle session;
beginning one takes 30 µs, which is too much for each frame of an answer."""


class OutboxOverflow(Exception):  # noqa: N818 (it says what happened)
    """The client does not read what it is sent."""


class Outbox:
    """An ordered buffer between the host and the transport's writer. One writer, one loop.

    The writer is a task only while frames come, or have come a moment ago.
    """

    def __init__(
        self, soft_bytes: int = SOFT_BOUND_BYTES, hard_bytes: int = HARD_BOUND_BYTES
    ) -> None:
        # Bounded by hard_bytes. A deque takes more memory, and this is empty or short.
        self._frames: list[bytes] = []
        self._held_bytes = 0
        self._dropped_frames = 0
        self._soft_bytes = soft_bytes
        self._hard_bytes = hard_bytes
        self._drained: anyio.Event | None = None  # only while a producer waits
        self._closed = False
        self._begin_writing: Callable[[], object] | None = None
        self._has_writer = False
        self._arrived: asyncio.Future[None] | None = None  # only while the writer waits

    @property
    def held_bytes(self) -> int:
        """How much waits to be sent."""
        return self._held_bytes

    @property
    def dropped_frames(self) -> int:
        """How many frames were thrown away that the client has not read."""
        return self._dropped_frames

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
        self._call_writer()

    def write_by(self, begin_writing: Callable[[], object]) -> None:
        """Have a writer begin whenever there is something for it to do, and no other is at work.

        Args:
            begin_writing: Begins one, which is to get frames until there are none, and to end then.
                If it ends before, it is the last.
        """
        self._begin_writing = begin_writing
        if self._frames or self._closed:
            self._call_writer()

    async def get(self) -> bytes | None:
        """Take the next frame, or wait for it a moment; ``None`` if the writer is to end.

        That is when no frame has come, or when none will, since the outbox is closed.
        """
        if not self._frames and not self._closed:
            await self._wait_for_frame()
        if not self._frames:
            self._has_writer = False
            return None
        frame = self._frames.pop(0)
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
        self._dropped_frames += len(self._frames)
        self._frames.clear()
        self._held_bytes = 0

    def close(self) -> None:
        """Take no more; a writer gets what is left, and ends the connection."""
        if self._closed:
            return
        self._closed = True
        if self._drained is not None:
            self._drained.set()
        self._call_writer()

    def _call_writer(self) -> None:
        if self._has_writer:
            self._wake_writer()
        elif self._begin_writing is not None:
            self._has_writer = True
            self._begin_writing()

    def _wake_writer(self) -> None:
        if self._arrived is not None and not self._arrived.done():
            self._arrived.set_result(None)

    async def _wait_for_frame(self) -> None:
        loop = asyncio.get_running_loop()
        # Not an event and a timeout of anyio's: this happens for each frame of an answer.
        self._arrived = loop.create_future()
        timer = loop.call_later(LINGER_S, self._wake_writer)
        try:
            await self._arrived
        finally:
            timer.cancel()
            self._arrived = None
