"""The files and sockets that this process has open."""

from __future__ import annotations

from pathlib import Path

import anyio

from tests.support.client import PATIENCE_S

__all__ = ["open_files", "until_open_files"]


def open_files() -> int:
    """Return how many there are."""
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


async def until_open_files(most: int) -> None:
    """Wait until there are no more than so many."""
    with anyio.fail_after(PATIENCE_S):
        while open_files() > most:
            await anyio.lowlevel.checkpoint()
