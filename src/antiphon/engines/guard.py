"""Stands before an engine: lets in what it can carry, and has it replaced when it hangs or crashes.

* **Overload.** Beyond ``parallel`` requests at once the others wait, in the order in which they
  came; who has waited ``queue_s`` fails with ``server_overloaded``.
* **Hanging.** When nothing has come of a request for ``stall_s``, that request fails.
* **Crashing.** An exception other than ``EngineError`` is a crash, and so is ``EngineError`` with
  the code ``engine_crashed`` (of an engine whose process has died).

After the latter two the engine is loaded anew, in the background, and takes the old one's place.
Requests that come meanwhile wait for it as they wait for a place. Favours (reading ahead, judging
a pause) are let in at once and may take their time; only their crashes count.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from typing import Any, TypeVar

import anyio
from msgspec import Struct

from antiphon.core.tokens import TokenCounter
from antiphon.engines.base import QUEUE_S, Engine, Floats
from antiphon.engines.hearing import (
    Transcriber,
    TranscriptEvent,
    TranscriptionRequest,
    TurnPredictor,
)
from antiphon.engines.repair import Repaired
from antiphon.engines.speaking import SpeechRequest, Synthesizer
from antiphon.engines.thinking import (
    GenerationEvent,
    GenerationRequest,
    LanguageModel,
    MessageEndPredictor,
    Progress,
)
from antiphon.errors import EngineError, Stage

__all__ = ["EngineLoad", "Limits", "guarded", "load_of"]

E = TypeVar("E", bound=Engine)
T = TypeVar("T")

_END: Any = object()


class Limits(Struct, frozen=True, kw_only=True):
    """What an engine is asked to carry; see :class:`antiphon.engines.choices.Choice`."""

    parallel: int | None = None
    queue_s: float = QUEUE_S
    stall_s: float = 60.0


class EngineLoad(Struct, frozen=True, kw_only=True):
    """What a guarded engine has to do at the moment.

    Attributes:
        works: Whether it takes requests; false while it is being loaded anew.
        running: Requests that it works on.
        waiting: Requests that wait for it.
        parallel: How many it is to work on at once; ``None`` for any number.
        replaced: How often it had to be loaded anew.
    """

    works: bool
    running: int
    waiting: int
    parallel: int | None
    replaced: int


def load_of(engine: Engine) -> EngineLoad | None:
    """Return what an engine has to do; ``None`` for one that is asked without limits."""
    return engine.load if isinstance(engine, _Guarded) else None


def guarded(engine: Engine, limits: Limits, load: Callable[[], Awaitable[Engine]]) -> Engine:
    """Return an engine that does as another one does, within limits.

    Args:
        engine: A transcriber, language model, synthesizer or turn predictor; others are returned as
            they are.
        limits: What it is asked to carry; a turn predictor has none.
        load: Loads another one like it.
    """
    match engine.info.role:
        case "transcriber":
            return _GuardedTranscriber(engine, "transcribe", limits, load)
        case "language_model" if isinstance(engine, MessageEndPredictor):
            return _GuardedReader(engine, "generate", limits, load)
        case "language_model":
            return _GuardedLanguageModel(engine, "generate", limits, load)
        case "synthesizer":
            return _GuardedSynthesizer(engine, "synthesize", limits, load)
        case "turn_predictor":
            return _GuardedPredictor(engine, "detect", load)
        case _:
            return engine


class _Guarded(Repaired[E]):
    """What the guards of all roles have in common."""

    def __init__(
        self, engine: Engine, stage: Stage, limits: Limits, load: Callable[[], Awaitable[Engine]]
    ) -> None:
        super().__init__(engine, stage, load)
        self._limits = limits
        self._places = anyio.Semaphore(limits.parallel) if limits.parallel else None
        self._running = 0
        self._waiting = 0

    @property
    def load(self) -> EngineLoad:
        """What it has to do at the moment."""
        return EngineLoad(
            works=self._works.is_set(),
            running=self._running,
            waiting=self._waiting,
            parallel=self._limits.parallel,
            replaced=self._replaced,
        )

    async def _events(self, begin: Callable[[E], AsyncGenerator[T, None]]) -> AsyncGenerator[T]:
        """Pass on what comes of a request.

        Raises:
            EngineError: The engine did; or it is overloaded, hangs or has crashed.
        """
        self._waiting += 1
        try:
            await self._enter()
        finally:
            self._waiting -= 1
        self._running += 1
        try:
            engine = self._engine
            async with aclosing(begin(engine)) as events:
                while (event := await self._next(events, engine)) is not _END:
                    if not isinstance(event, Progress):
                        yield event
        finally:
            self._running -= 1
            self._leave()

    async def _enter(self) -> None:
        if self._works.is_set() and self._places is None:
            return
        with anyio.move_on_after(self._limits.queue_s):
            while True:
                await self._works.wait()
                if self._places is not None:
                    await self._places.acquire()
                if self._works.is_set():
                    return
                self._leave()  # whose place it was has found the engine broken
        if self._works.is_set():
            why = f"{self._limits.parallel} requests are under way"
        else:
            why = "it is being loaded anew"
        message = f"{self.info.name} had no room for {self._limits.queue_s:g} s: {why}"
        raise EngineError(message, stage=self._stage, code="server_overloaded", retryable=True)

    def _leave(self) -> None:
        if self._places is not None:
            self._places.release()

    async def _next(self, events: AsyncGenerator[T, None], engine: E) -> T:
        """Return the next event, ``_END`` after the last."""
        with anyio.move_on_after(self._limits.stall_s):
            return await self._told(engine, anext(events, _END))
        message = f"nothing came of a request to {engine.info.name} for {self._limits.stall_s:g} s"
        self._replace(engine, message)
        raise EngineError(message, stage=self._stage, code="engine_timeout", retryable=True)


class _GuardedTranscriber(_Guarded[Transcriber]):
    def transcribe(
        self, audio: Floats, request: TranscriptionRequest
    ) -> AsyncGenerator[TranscriptEvent, None]:
        return self._events(lambda engine: engine.transcribe(audio, request))


class _GuardedLanguageModel(_Guarded[LanguageModel]):
    @property
    def counter(self) -> TokenCounter | None:
        return self._engine.counter

    def generate(self, request: GenerationRequest) -> AsyncGenerator[GenerationEvent, None]:
        return self._events(lambda engine: engine.generate(request))

    async def warm(self, request: GenerationRequest) -> None:
        await self._told(self._engine, self._engine.warm(request))


class _GuardedReader(_GuardedLanguageModel):
    async def predict_message_end(self, request: GenerationRequest) -> float:
        engine = self._engine
        assert isinstance(engine, MessageEndPredictor), "what replaces it is like it"
        return await self._told(engine, engine.predict_message_end(request))


class _GuardedSynthesizer(_Guarded[Synthesizer]):
    def synthesize(self, request: SpeechRequest) -> AsyncGenerator[Floats, None]:
        return self._events(lambda engine: engine.synthesize(request))


class _GuardedPredictor(Repaired[TurnPredictor]):
    """Takes all that it is asked, and nobody waits for it: turns end without it as well."""

    async def predict(self, audio: Floats) -> float:
        return await self._told(self._engine, self._engine.predict(audio))
