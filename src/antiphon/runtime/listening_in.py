"""Lets those who run a server see the events of a session while it goes on.

Whoever listens in has a queue of bounded length, which the session fills and never waits for. What
did not fit is left out, and counted: the next event that does fit comes after a word of how many
are missing.
"""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncGenerator
from typing import NamedTuple

import anyio

__all__ = ["MAX_QUEUED_BYTES", "QUIET_S", "Heard", "Listening"]

MAX_QUEUED_BYTES = 1 << 18
"""For each who listens in: some hundreds of events, audio not being among them."""

QUIET_S = 15.0
"""Proxies close connections on which nothing comes for a minute or so."""


class Heard(NamedTuple):
    """What comes next for one who listens in.

    Attributes:
        event: The event's type, as on the wire.
        data: The event, as JSON.
        missed: How many events were left out before it.
    """

    event: str
    data: bytes
    missed: int


class Listening:
    """One who listens in to a session, until it is over."""

    def __init__(self) -> None:
        self._queue: deque[Heard] = deque()
        self._queued_bytes = 0
        self._missed = 0
        self._over = False
        self._changed = anyio.Event()

    def put(self, event: str, data: bytes) -> None:
        """Add an event, or leave it out."""
        if self._queued_bytes + len(data) > MAX_QUEUED_BYTES:
            self._missed += 1
            return
        self._queue.append(Heard(event, data, self._missed))
        self._queued_bytes += len(data)
        self._missed = 0
        self._changed.set()

    def end(self) -> None:
        """Tell that nothing follows."""
        self._over = True
        self._changed.set()

    async def heard(self, quiet_s: float = QUIET_S) -> AsyncGenerator[Heard | None, None]:
        """Yield what is heard, until the session is over; ``None`` when it is quiet.

        Args:
            quiet_s: How long nothing happens until it is.
        """
        while True:
            while self._queue:
                one = self._queue.popleft()
                self._queued_bytes -= len(one.data)
                yield one
            if self._over:
                return
            self._changed = anyio.Event()
            with anyio.move_on_after(quiet_s) as patience:
                await self._changed.wait()
            if patience.cancelled_caught:
                yield None
