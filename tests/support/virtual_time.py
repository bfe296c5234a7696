"""An event loop whose clock jumps to the next timer as soon as nothing else is to be done.

An hour passes in no time, in the same order of events as ever. Only for code without threads and
sockets: nothing from outside can arrive while time is skipped.
"""

from __future__ import annotations

import asyncio
import math
import selectors

import anyio

__all__ = ["VirtualTimeLoop", "step"]


class _SkippingSelector(selectors.DefaultSelector):
    """Skips the time that it is asked to wait."""

    def __init__(self) -> None:
        super().__init__()
        self.skipped_s = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if ready:
            return ready
        if timeout is None:
            message = "every task waits for another one, and no timer is set: a deadlock"
            raise RuntimeError(message)
        # Past the timer by the last bit: a sum a bit short of it would have asyncio, which takes
        # timers a nanosecond early, call it again and again at a time that never comes.
        self.skipped_s = math.nextafter(self.skipped_s + timeout, math.inf)
        return []


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """An asyncio loop that never waits."""

    def __init__(self) -> None:
        self._skipping = _SkippingSelector()
        super().__init__(self._skipping)

    def time(self) -> float:
        """Seconds that have been skipped since the loop was made."""
        return self._skipping.skipped_s


async def step(times: int) -> None:
    """Let the event loop go on by so many rounds, in which no time passes."""
    for _ in range(times):
        await anyio.lowlevel.checkpoint()
