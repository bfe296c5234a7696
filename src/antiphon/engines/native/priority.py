"""Threads that compute give way to the one that talks to clients.

Playback in calls sends a frame every 20 ms, and a frame that is late is heard. The event loop's
thread needs little time, but at once, and engines have all cores busy; so their threads are nicer.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

__all__ = ["NICENESS", "give_way", "giving_way"]

NICENESS = 10
"""How much nicer than the process threads that compute are; 10 levels have a tenth of the weight
where cores are short, and everything where they are not."""

_MAX_NICENESS = 19

_T = TypeVar("_T")


def give_way() -> None:
    """Make this thread nicer, and those that it will start.

    Only Linux knows of priorities by thread; elsewhere, and where it is forbidden, nothing happens.
    """
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            niceness = os.getpriority(os.PRIO_PROCESS, os.getpid()) + NICENESS
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), min(niceness, _MAX_NICENESS))


def giving_way(function: Callable[[], _T]) -> _T:
    """Run a function on a thread that gives way, and wait for it.

    For loading native libraries: the threads that they start for themselves are as nice as the one
    that they are started by.
    """
    with ThreadPoolExecutor(1, "antiphon-loading", initializer=give_way) as thread:
        return thread.submit(function).result()
