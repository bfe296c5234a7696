"""Engines without weights that do exactly what a script says, when it says so.

They are for testing voice apps, and Antiphon itself: every transcript, token, tool call, failure
and sample is decided beforehand, and time passes only where the script lets it pass (so they run
as well on an event loop whose time is simulated). Without a script they follow rules, which are
told where the engines are: in :mod:`hearing`, :mod:`thinking` and :mod:`speaking`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import anyio

from antiphon.engines.base import EngineInfo, closed_error
from antiphon.engines.scripted.script import Fail, Hang, Script, Wait, WaitFor
from antiphon.errors import EngineError, Stage

__all__ = ["REMEMBERED_REQUESTS", "ScriptedEngine"]

REMEMBERED_REQUESTS = 32
"""How many of the last requests an engine keeps for tests to look at."""


class ScriptedEngine:
    """What the scripted engines have in common: a script, a timeline, an end."""

    def __init__(self, info: EngineInfo, script: Script, stage: Stage) -> None:
        self.info = info
        self._script = script
        self._stage = stage
        self._closed = anyio.Event()

    async def aclose(self) -> None:
        """Fail all work under way and all later work. May be called twice."""
        self._closed.set()

    def check_open(self) -> None:
        """Raise an ``EngineError`` if it is closed."""
        if self._closed.is_set():
            raise closed_error(self.info.name, self._stage)

    async def keep_time(self, step: object) -> None:
        """Perform the steps that all engines know; do nothing for any other."""
        match step:
            case Wait(ms=ms):
                await self._pass(ms)
            case WaitFor(gate=gate):
                await self._unless_closed(gate.enter)
            case Hang():
                await self._unless_closed(anyio.sleep_forever)
            case Fail():
                raise EngineError(
                    step.message, stage=self._stage, code=step.code, retryable=step.retryable
                )

    async def _pass(self, ms: float) -> None:
        if ms > 0:
            await self._unless_closed(lambda: anyio.sleep(ms / 1000))
        else:
            await anyio.lowlevel.checkpoint()
            self.check_open()

    async def _unless_closed(self, wait: Callable[[], Awaitable[None]]) -> None:
        """Wait, but no longer than the engine is open."""

        async def cancel_when_closed(scope: anyio.CancelScope) -> None:
            await self._closed.wait()
            scope.cancel()

        async with anyio.create_task_group() as group:
            group.start_soon(cancel_when_closed, group.cancel_scope)
            await wait()
            group.cancel_scope.cancel()
        self.check_open()
