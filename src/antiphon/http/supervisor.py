"""Tells the supervisor that started the server how it is, where that is systemd.

By its protocol (``man sd_notify``): a line of text in a datagram to the socket that the environment
names. Where it names none, nobody is told anything.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["tell_of_end", "telling_of_reload", "watched"]

_log = logging.getLogger(__name__)


@contextmanager
def watched() -> Iterator[None]:
    """Say that the server is ready, and from then on, if anybody wants to know, that it lives.

    That is what ``WatchdogSec`` of a unit asks for. It is told by the event loop, twice in each
    interval, so a server whose loop hangs is ended and started anew.
    """
    _tell("READY=1")
    interval_s = _watchdog_s()
    pulse = asyncio.create_task(_pulse(interval_s / 2)) if interval_s is not None else None
    try:
        yield
    finally:
        if pulse is not None:
            pulse.cancel()


@contextmanager
def telling_of_reload() -> Iterator[None]:
    """Say that the configuration is being read again, and afterwards that the server is ready."""
    _tell(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}")
    try:
        yield
    finally:
        _tell("READY=1")


def tell_of_end() -> None:
    """Say that the server is about to end."""
    _tell("STOPPING=1")


def _watchdog_s() -> float | None:
    """Return how long the supervisor waits for a sign of life; ``None`` if it wants none."""
    wanted_us = os.environ.get("WATCHDOG_USEC", "")
    of_whom = os.environ.get("WATCHDOG_PID", str(os.getpid()))
    if not wanted_us.isdecimal() or of_whom != str(os.getpid()):
        return None
    return int(wanted_us) / 1_000_000 or None


async def _pulse(interval_s: float) -> None:
    while True:
        _tell("WATCHDOG=1")
        await asyncio.sleep(interval_s)


def _tell(state: str) -> None:
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    if address.startswith("@"):  # of Linux's abstract namespace
        address = f"\0{address[1:]}"
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notices:
            notices.settimeout(0)
            notices.sendto(state.encode(), address)
    except OSError as error:
        _log.warning("the supervisor at NOTIFY_SOCKET could not be told %r: %s", state, error)
