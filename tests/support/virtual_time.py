"""An event loop whose clock jumps to the next timer as soon as nothing else is to be done.

An hour passes in no time, in the same order of events as ever. Only for code without threads and
sockets: nothing from outside can arrive while time is skipped.
"""

from __future__ import annotations

import asyncio
import selectors

__all__ = ["VirtualTimeLoop"]


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
        self.skipped_s += timeout
        return []


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """An asyncio loop that never waits."""

    def __init__(self) -> None:
        self._skipping = _SkippingSelector()
        super().__init__(self._skipping)

    def time(self) -> float:
        """Seconds that have been skipped since the loop was made."""
        return self._skipping.skipped_s
