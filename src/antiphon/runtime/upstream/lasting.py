"""How long a relayed session lasts here, whatever the service thinks of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from antiphon.core.verbs import expiry_message, idle_message

__all__ = ["Lasting"]


class Lasting:
    """Ends a session that has lasted long enough, or in which nothing happens.

    Args:
        lifetime_s: How long it lasts at most.
        idle_s: How long it lasts while nothing happens in it; ``None`` for as long as any.
        expire: Called when its time is over, with what to tell the client.
        end: Called when nothing has happened for too long, with what to tell the client.
    """

    def __init__(
        self,
        lifetime_s: float,
        idle_s: float | None,
        *,
        expire: Callable[[str], None],
        end: Callable[[str], None],
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._idle_s = idle_s
        self._end = end
        self._active_at = self._loop.time()
        self._expiry = self._loop.call_later(lifetime_s, expire, expiry_message(lifetime_s))
        self._look: asyncio.TimerHandle | None = None
        if idle_s is not None:
            self._look = self._loop.call_later(idle_s, self._look_whether_idle, idle_s)

    def touch(self) -> None:
        """Note that something happens."""
        self._active_at = self._loop.time()

    def close(self) -> None:
        """End nothing any more."""
        self._expiry.cancel()
        if self._look is not None:
            self._look.cancel()

    def _look_whether_idle(self, idle_s: float) -> None:
        idle_at = self._active_at + idle_s
        if self._loop.time() >= idle_at:
            self._end(idle_message(idle_s))
        else:
            self._look = self._loop.call_at(idle_at, self._look_whether_idle, idle_s)
