"""Doing things on time, and knowing by how much that failed."""

from __future__ import annotations

import asyncio

import numpy as np

__all__ = ["Pace"]


class Pace:
    """Waits for moments of the running event loop's clock, and notes how late it was for each."""

    def __init__(self) -> None:
        self._late_ms: list[float] = []

    async def until(self, due_s: float) -> None:
        """Wait until a moment has come; at least give others a turn."""
        loop = asyncio.get_running_loop()
        await asyncio.sleep(due_s - loop.time())
        self._late_ms.append((loop.time() - due_s) * 1000)

    def take_lateness_ms(self) -> float:
        """Return the 99th percentile of how late it was, and begin anew."""
        late_ms, self._late_ms = self._late_ms, []
        return float(np.percentile(late_ms, 99)) if late_ms else 0.0
