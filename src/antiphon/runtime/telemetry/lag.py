"""How late the event loop is: what everything waits for that happens on it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager

__all__ = ["INTERVAL_S", "measured_lag"]

INTERVAL_S = 0.25
"""One timer for the whole process. It comes at moments that have nothing to do with what the loop
is busy with, so how late it is is how late anything else would have been."""


@contextmanager
def measured_lag(observe: Callable[[float], None]) -> Iterator[None]:
    """Measure as long as the context is open.

    Args:
        observe: Called four times a second with how late the loop was, in seconds.
    """
    measurement = _Measurement(observe)
    measurement.begin()
    try:
        yield
    finally:
        measurement.timer.cancel()


class _Measurement:
    """A timer that sets itself again."""

    timer: asyncio.TimerHandle

    def __init__(self, observe: Callable[[float], None]) -> None:
        self._observe = observe
        self._loop = asyncio.get_running_loop()

    def begin(self) -> None:
        due_s = self._loop.time() + INTERVAL_S
        self.timer = self._loop.call_at(due_s, self._measure, due_s)

    def _measure(self, due_s: float) -> None:
        self._observe(max(0.0, self._loop.time() - due_s))
        self.begin()
