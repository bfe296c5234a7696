"""What the signals of the operating system ask of a server.

``SIGTERM`` is how Docker, Kubernetes and systemd end it: it drains. ``SIGINT`` is how somebody does
who sits in front of it: the same, without the patience. A second one of either ends it at once.
``SIGHUP`` has it read its configuration again; while it cannot, that waits.
"""

from __future__ import annotations

import asyncio
import logging
import math
import os
import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import FrameType

import anyio
import uvicorn

from antiphon.http.supervisor import tell_of_end
from antiphon.runtime.drain import drain
from antiphon.runtime.reception import Reception

__all__ = ["INTERRUPT_S", "HangUps", "Stopping", "on_signals"]

_log = logging.getLogger(__name__)

INTERRUPT_S = 3.0
"""How long sessions may go on after Ctrl-C."""


class Stopping:
    """Ends a server, step by step.

    Attributes:
        loading: Cancelled if the server is to end before it serves.
    """

    def __init__(self) -> None:
        self.loading = anyio.CancelScope()
        self._serving: tuple[uvicorn.Server, Reception] | None = None
        self._draining = anyio.CancelScope()
        self._within_s = 0.0
        self._wanted = anyio.Event()

    async def serve(self, server: uvicorn.Server, reception: Reception) -> None:
        """Serve until the server is to end, has drained, and has ended.

        Args:
            server: The server, which runs.
            reception: Of it.
        """
        self._serving = server, reception
        await self._wanted.wait()
        with self._draining:
            await drain(reception, self._within_s)
        server.should_exit = True

    def terminate(self) -> None:
        """Let sessions finish within the time that the operator gives them; asked again, none."""
        self._end(math.inf)

    def interrupt(self) -> None:
        """Let sessions finish if that takes no more than a moment; asked again, none."""
        self._end(INTERRUPT_S)

    def _end(self, within_s: float) -> None:
        if self._serving is None:
            if self.loading.cancel_called:
                _log.warning("ending at once, while engines are loaded")
                os._exit(1)  # they are on threads, which cannot be told to stop
            self.loading.cancel()
            return
        server, reception = self._serving
        if self._wanted.is_set():
            _log.warning("ending at once; %d sessions are cut off", reception.open_sessions)
            server.force_exit = True
            self._draining.cancel()
            return
        tell_of_end()
        self._within_s = min(within_s, reception.config.drain_s)
        self._wanted.set()


class HangUps:
    """Has ``SIGHUP`` answered as soon as that is possible. Several that wait are one."""

    def __init__(self) -> None:
        self._answer: Callable[[], None] | None = None
        self._waits = False

    def note(self) -> None:
        """Take one more."""
        if not self._waits:
            self._waits = True
            self._answer_soon()

    @contextmanager
    def answered_by(self, answer: Callable[[], None]) -> Iterator[None]:
        """Have them answered, as long as the context is open; then none any more."""
        self._answer = answer
        if self._waits:
            self._answer_soon()
        try:
            yield
        finally:
            self._answer = None

    def _answer_soon(self) -> None:
        # Not at once: of a storm of signals, the others come in the same turn of the event loop.
        asyncio.get_running_loop().call_soon(self._answer_all)

    def _answer_all(self) -> None:
        if self._answer is not None:
            self._waits = False
            self._answer()


@contextmanager
def on_signals(acts: Mapping[str, Callable[[], None]]) -> Iterator[None]:
    """Have signals do something in the event loop, as long as the context is open.

    Args:
        acts: What each does, by its name; those that the system does not have are left out.
    """
    loop = asyncio.get_running_loop()

    def handler(act: Callable[[], None]) -> Callable[[int, FrameType | None], object]:
        return lambda _number, _frame: loop.call_soon_threadsafe(act)

    before = {
        number: signal.signal(number, handler(act))
        for name, act in acts.items()
        if (number := getattr(signal, name, None)) is not None
    }
    try:
        yield
    finally:
        for number, earlier in before.items():
            signal.signal(number, earlier)
