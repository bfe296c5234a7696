"""One timer for all calls: every 20 ms of time, each of them is told to send 20 ms of sound.

What has left the pacer is what a user can have heard, so it also says how far speech has come.
Forty calls with a timer each would wake the event loop two thousand times a second; together they
wake it fifty times.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from antiphon.transports.webrtc.peer import FRAME_MS

__all__ = ["MAX_BEHIND_MS", "Pacer"]

_log = logging.getLogger(__name__)

MAX_BEHIND_MS = 200
"""How far the pacer may be behind and still catch up. Beyond this, the time is lost: listeners have
had silence in its place, and hear everything later."""

_FRAME_S = FRAME_MS / 1000
_CATCHING_UP_S = _FRAME_S / 2
"""From tick to tick while it is behind: twice as fast, so that no burst fills the listeners'
buffers, which would be late for good from then on."""


class Pacer:
    """Calls its members every 20 ms, all in one go.

    Late ticks are made up for at twice the pace, unless there are too many of them.

    Attributes:
        worst_lag_ms: How late any tick was.
    """

    def __init__(self) -> None:
        self.worst_lag_ms = 0.0
        self._members: dict[object, Callable[[], None]] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._due_s = 0.0

    def join(self, tick: Callable[[], None]) -> Callable[[], None]:
        """Have a function called for every 20 ms from now on.

        A function that raises is called no more; the others are.

        Args:
            tick: Called on the event loop that this is called from; it has to be quick.

        Returns:
            What ends it. It may be called again, and from within the tick.
        """
        member = object()  # of its own, even if the same function joins twice
        self._members[member] = tick
        if self._timer is None:
            loop = asyncio.get_running_loop()
            self._due_s = loop.time() + _FRAME_S
            self._timer = loop.call_at(self._due_s, self._tick, loop)

        def leave() -> None:
            self._members.pop(member, None)

        return leave

    def _tick(self, loop: asyncio.AbstractEventLoop) -> None:
        now_s = loop.time()
        self.worst_lag_ms = max(self.worst_lag_ms, (now_s - self._due_s) * 1000)
        for member, tick in tuple(self._members.items()):
            if member not in self._members:
                continue  # it has left in this very tick
            try:
                tick()
            except Exception:
                _log.exception("A call was left without its timer by a mistake of Antiphon")
                self._members.pop(member, None)
        if not self._members:
            self._timer = None
            return
        self._due_s += _FRAME_S
        behind_s = now_s - self._due_s
        if behind_s * 1000 > MAX_BEHIND_MS:
            self._due_s += (int(behind_s / _FRAME_S) + 1) * _FRAME_S
        self._timer = loop.call_at(max(self._due_s, now_s + _CATCHING_UP_S), self._tick, loop)
