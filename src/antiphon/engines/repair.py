"""Has an engine that hangs or crashes replaced: another one like it is loaded in the background."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any, Generic, TypeVar, cast

import anyio

from antiphon.engines.base import Engine, EngineInfo
from antiphon.errors import AntiphonError, EngineError, Stage

__all__ = ["ENGINE_CRASHED", "Repaired"]

_log = logging.getLogger(__name__)

E = TypeVar("E", bound=Engine)
T = TypeVar("T")

ENGINE_CRASHED = "engine_crashed"
"""Code of an ``EngineError`` after which the engine can do nothing any more."""

_CLOSING_TIMEOUT_S = 10.0
"""How long an engine that hangs may take to give its memory back, before it is left to itself."""

_LONGEST_PAUSE_S = 30.0
"""Between attempts to load an engine anew; the first is made at once, the pauses double."""


class Repaired(Generic[E]):
    """Stands before an engine, and before another one after that has broken.

    Args:
        engine: The first one.
        stage: What it does.
        load: Loads another one like it.
    """

    def __init__(self, engine: Engine, stage: Stage, load: Callable[[], Awaitable[Engine]]) -> None:
        self._engine = cast("E", engine)
        self._stage = stage
        self._load = load
        self._closed = anyio.Event()  # apart from whether it works: it may be under repair
        self._works = anyio.Event()
        self._works.set()
        self._background: set[asyncio.Task[None]] = set()
        self._replaced = 0

    @property
    def info(self) -> EngineInfo:
        """What the engine is and can do."""
        return self._engine.info

    async def aclose(self) -> None:
        """Close the engine; one that is being loaded is closed when it comes."""
        self._closed.set()
        await self._engine.aclose()

    async def _told(self, engine: E, doing: Awaitable[T]) -> T:
        """Return what an engine is asked; have it replaced if it crashes.

        Raises:
            EngineError: The engine did, or it has crashed.
        """
        try:
            return await doing
        except EngineError as error:
            if error.code == ENGINE_CRASHED:
                self._replace(engine, str(error))
            raise
        except Exception as error:
            self._replace(engine, repr(error))
            message = f"{engine.info.name} crashed: {error!r}"
            raise EngineError(
                message, stage=self._stage, code=ENGINE_CRASHED, retryable=True
            ) from error

    def _replace(self, engine: E, reason: str) -> None:
        """Have an engine replaced, unless that has been begun, or nobody wants another."""
        if self._closed.is_set() or engine is not self._engine or not self._works.is_set():
            return
        _log.error("%s is loaded anew: %s", engine.info.name, reason)
        self._replaced += 1
        self._works = anyio.Event()
        self._in_background(self._load_anew(engine))

    async def _load_anew(self, broken: E) -> None:
        self._in_background(_close(broken))
        pause_s = 1.0
        while not self._closed.is_set():
            try:
                engine = await self._load()
            except AntiphonError as error:
                _log.error("%s cannot be loaded anew: %s", broken.info.name, error)
            except Exception:
                _log.exception("%s cannot be loaded anew", broken.info.name)
            else:
                if self._closed.is_set():
                    await _close(engine)
                    return
                _log.warning("%s works again", broken.info.name)
                self._engine = cast("E", engine)
                self._works.set()
                return
            with anyio.move_on_after(pause_s):
                await self._closed.wait()
            pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)

    def _in_background(self, work: Any) -> None:  # noqa: ANN401 (a coroutine)
        # Neither of the session whose request failed, nor to be waited for by it.
        task = asyncio.get_running_loop().create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)


async def _close(engine: Engine) -> None:
    try:
        with anyio.move_on_after(_CLOSING_TIMEOUT_S):
            await engine.aclose()
            return
    except Exception:
        _log.exception("%s could not be closed", engine.info.name)
        return
    _log.error("%s does not end; its threads and memory stay occupied", engine.info.name)
