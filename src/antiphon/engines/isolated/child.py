"""The child's side of an isolated engine: loads it, and does what the parent asks for."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import logging
import signal
import threading
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterator
from contextlib import aclosing
from multiprocessing.connection import Connection
from typing import Any

from antiphon.engines.base import Engine, EngineFactory, EngineSettings
from antiphon.engines.isolated.messages import STAGES, WINDOW, Mark, Request
from antiphon.engines.repair import ENGINE_CRASHED
from antiphon.engines.thinking import MessageEndPredictor
from antiphon.errors import AntiphonError, EngineError

__all__ = ["run"]

_log = logging.getLogger(__name__)


def run(pipe: Connection, factory: EngineFactory, settings: EngineSettings) -> None:
    """Load the engine and serve the parent until it goes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which then says so
    try:
        engine = factory(settings)
    except AntiphonError as error:
        pipe.send(error)
        return
    pipe.send((engine.info, isinstance(engine, MessageEndPredictor)))
    asyncio.run(_Servant(pipe, engine).serve())


class _Servant:
    """Does what the parent asks for."""

    def __init__(self, pipe: Connection, engine: Engine) -> None:
        self._pipe = pipe
        self._engine = engine
        self._stage = STAGES[engine.info.role]
        self._jobs: dict[int, _Job] = {}

    async def serve(self) -> None:
        loop = asyncio.get_running_loop()
        gone = asyncio.Event()

        def read() -> None:
            for number, what in self._said():
                loop.call_soon_threadsafe(self._hear, number, what)
            loop.call_soon_threadsafe(gone.set)

        threading.Thread(target=read, daemon=True).start()
        await gone.wait()
        for job in tuple(self._jobs.values()):
            job.task.cancel()
        await self._engine.aclose()

    def _said(self) -> Iterator[tuple[int, Request | Mark]]:
        with contextlib.suppress(EOFError, OSError):
            while (message := self._pipe.recv()) is not None:
                yield message

    def _hear(self, number: int, what: Request | Mark) -> None:
        job = self._jobs.get(number)
        match what:
            case Request():
                job = self._jobs[number] = _Job(self._do(number, what))
                # By the task: one that is cancelled at once never begins what it is to do.
                job.task.add_done_callback(lambda _: self._jobs.pop(number))
            case Mark.TAKEN if job is not None:
                job.room.release()
            case Mark.STOP if job is not None:
                job.task.cancel()

    async def _do(self, number: int, request: Request) -> None:
        try:
            async with aclosing(_events(self._engine, request)) as events:
                async for event in events:
                    await self._jobs[number].room.acquire()
                    self._pipe.send((number, event))
            self._pipe.send((number, Mark.END))
        except EngineError as error:
            self._pipe.send((number, error))
        except Exception as error:
            _log.exception("%s failed", self._engine.info.name)
            message = f"{self._engine.info.name} crashed: {error!r}"
            crash = EngineError(message, stage=self._stage, code=ENGINE_CRASHED, retryable=True)
            self._pipe.send((number, crash))


class _Job:
    """A request under way, and how many events may be sent before one is taken."""

    def __init__(self, work: Coroutine[Any, Any, None]) -> None:
        self.room = asyncio.Semaphore(WINDOW)
        self.task = asyncio.get_running_loop().create_task(work)


async def _events(engine: Any, request: Request) -> AsyncGenerator[Any, None]:  # noqa: ANN401
    """Yield what comes of a method, whether it is a generator or a coroutine."""
    method: Callable[..., Any] = getattr(engine, request.method)
    doing = method(*request.arguments)
    if inspect.iscoroutine(doing):
        yield await doing
        return
    async with aclosing(doing) as events:
        async for event in events:
            yield event
