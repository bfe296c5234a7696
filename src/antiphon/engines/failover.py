"""An engine made of several: where the first fails before it has answered, the next one answers.

What has been passed on cannot be taken back, so nobody takes over in the middle of an answer. What
the request itself is to blame for (``retryable`` is false) would fail with the next one as well.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from typing import Any, Generic, Protocol, TypeVar

import numpy as np
from msgspec.structs import replace

from antiphon.audio.resample import Resampler
from antiphon.core.tokens import TokenCounter
from antiphon.engines.base import Engine, EngineInfo, Floats, Role
from antiphon.engines.hearing import (
    SpeakerTurn,
    Transcriber,
    TranscriptDelta,
    TranscriptEvent,
    TranscriptionRequest,
)
from antiphon.engines.speaking import SpeechRequest, Synthesizer
from antiphon.engines.thinking import (
    GenerationEvent,
    GenerationRequest,
    LanguageModel,
    MessageEndPredictor,
    Progress,
    PromptRead,
)
from antiphon.errors import ConfigurationError, EngineError

__all__ = [
    "FailoverLanguageModel",
    "FailoverSynthesizer",
    "FailoverTranscriber",
    "answers_of",
    "members_of",
    "with_fallbacks",
]

_log = logging.getLogger(__name__)

EngineT = TypeVar("EngineT", bound=Engine)
EventT = TypeVar("EventT")


class _Failover(Generic[EngineT]):
    """Engines that stand in for one another.

    Args:
        primary: Who is asked first, and whose info holds: clients see one engine.
        others: Who is asked next, in order.

    Attributes:
        info: What the primary is.
        answers: How many requests each engine has answered, by its place in ``members``.
    """

    def __init__(self, primary: EngineT, *others: EngineT) -> None:
        self.info: EngineInfo = primary.info
        self.answers: Counter[int] = Counter()
        self._primary = primary
        self._others = others

    @property
    def members(self) -> tuple[EngineT, ...]:
        """Those that it is made of, in the order in which they are asked."""
        return (self._primary, *self._others)

    async def aclose(self) -> None:
        """Close all of them."""
        for engine in self.members:
            await engine.aclose()

    async def _first_to_answer(
        self, ask: Callable[[EngineT], AsyncGenerator[EventT, None]]
    ) -> AsyncGenerator[EventT, None]:
        """Yield what the first engine yields that answers at all.

        Raises:
            EngineError: As the last engine raises it, or one that had begun to answer, or one for
                which the request is to blame.
        """
        engine = self._primary
        for place, following in enumerate((*self._others, None)):
            answered = False
            try:
                async with aclosing(ask(engine)) as events:
                    async for event in events:
                        if not answered:
                            answered = True
                            self.answers[place] += 1
                        yield event
            except EngineError as error:
                if answered or not error.retryable or following is None:
                    raise
                _log.warning("%s takes over: %s", following.info.name, error)
                engine = following
            else:
                return


class FailoverTranscriber(_Failover[Transcriber]):
    """Hears with the first transcriber that answers."""

    async def transcribe(
        self, audio: Floats, request: TranscriptionRequest
    ) -> AsyncGenerator[TranscriptEvent, None]:
        """Yield a transcript with no more than the first transcriber's info promises.

        Raises:
            EngineError: All of them failed.
        """

        def ask(transcriber: Transcriber) -> AsyncGenerator[TranscriptEvent, None]:
            if request.translate and not transcriber.info.translates:
                return _cannot_translate(transcriber.info)
            logprobs = request.logprobs and transcriber.info.logprobs
            word_times = request.word_times and transcriber.info.word_times
            asked = replace(request, logprobs=logprobs, word_times=word_times)
            return transcriber.transcribe(audio, asked)

        async with aclosing(self._first_to_answer(ask)) as events:
            async for event in events:
                if self._is_promised(event):
                    yield event

    def _is_promised(self, event: TranscriptEvent) -> bool:
        match event:
            case TranscriptDelta():
                return self.info.deltas
            case SpeakerTurn():
                return self.info.diarization
            case _:
                return True


async def _cannot_translate(info: EngineInfo) -> AsyncGenerator[TranscriptEvent, None]:
    message = f"{info.name} does not translate"
    raise EngineError(message, stage="transcribe", code="not_translating", retryable=True)
    yield  # which makes it a generator


class FailoverLanguageModel(_Failover[LanguageModel]):
    """Thinks with the first language model that answers.

    The conversation is kept as short as the first one needs it; one that is too long for a smaller
    model fails there. If they speak, another one does so with its voice of the same name or else
    with its default.
    """

    @property
    def counter(self) -> TokenCounter | None:
        """What counts the first one's tokens."""
        return self._primary.counter

    async def generate(self, request: GenerationRequest) -> AsyncGenerator[GenerationEvent, None]:
        """Answer.

        Raises:
            EngineError: All of them failed.
        """

        async def ask(model: LanguageModel) -> AsyncGenerator[GenerationEvent, None]:
            prompt: PromptRead | None = None  # having read is not yet an answer
            own = request
            if request.voice is not None and request.voice not in model.info.voices:
                own = replace(request, voice=model.info.voices[0])
            async with aclosing(model.generate(own)) as events:
                async for event in events:
                    if isinstance(event, Progress):
                        continue  # for the guard, which stands before each of them
                    if isinstance(event, PromptRead):
                        prompt = event
                        continue
                    if prompt is not None:
                        yield prompt
                        prompt = None
                    yield event

        async with aclosing(self._first_to_answer(ask)) as events:
            async for event in events:
                yield event

    async def warm(self, request: GenerationRequest) -> None:
        """Have the first one read the request: the others are not expected to be asked.

        Raises:
            EngineError: It cannot.
        """
        await self._primary.warm(request)


class _PredictingLanguageModel(LanguageModel, MessageEndPredictor, Protocol):
    """A language model that can also say whether a message is over."""


class _PredictingFailover(FailoverLanguageModel):
    """Thinks with the first language model that answers, and asks the first whether messages end.

    That is evidence among other evidence: without it the end of a turn is still found.
    """

    def __init__(self, primary: _PredictingLanguageModel, *others: LanguageModel) -> None:
        super().__init__(primary, *others)
        self._predictor = primary

    async def predict_message_end(self, request: GenerationRequest) -> float:
        """Say whether the user's message is over.

        Raises:
            EngineError: The first one cannot say.
        """
        return await self._predictor.predict_message_end(request)


class FailoverSynthesizer(_Failover[Synthesizer]):
    """Speaks with the first synthesizer that answers, always at the first one's sample rate.

    Another one speaks with its voice of the same name or else with its default, and no slower or
    faster than it can.
    """

    async def synthesize(self, request: SpeechRequest) -> AsyncGenerator[Floats, None]:
        """Yield audio.

        Raises:
            EngineError: All of them failed.
        """

        async def ask(synthesizer: Synthesizer) -> AsyncGenerator[Floats, None]:
            info = synthesizer.info
            own = request if synthesizer is self._primary else _as_spoken_by(info, request)
            resampler = Resampler(info.rate_hz, self.info.rate_hz)
            async with aclosing(synthesizer.synthesize(own)) as chunks:
                async for chunk in chunks:
                    yield resampler.push(chunk)
            yield resampler.flush()

        async with aclosing(self._first_to_answer(ask)) as chunks:
            async for chunk in chunks:
                if chunk.size:
                    yield np.clip(chunk, -1, 1)


def members_of(engine: Engine) -> tuple[Engine, ...]:
    """Return the engines that an engine is made of: itself, unless others stand in for it."""
    return engine.members if isinstance(engine, _Failover) else (engine,)


def answers_of(engine: Engine, member: Engine) -> int | None:
    """Return how many requests an engine was the one to answer of those that it is made of.

    Returns:
        ``None`` if nobody stands in for it, so that it answers all.
    """
    if not isinstance(engine, _Failover):
        return None
    return sum(engine.answers[place] for place, one in enumerate(engine.members) if one is member)


def with_fallbacks(role: Role, engines: Sequence[Engine]) -> Engine:
    """Return an engine that is the first of several, with the others to stand in for it.

    Args:
        role: What all of them do.
        engines: At least one, in the order in which they are asked.

    Raises:
        ConfigurationError: Engines of this role cannot stand in for one another, or one of them
            cannot do what the first one does.
    """
    engine, *others = engines
    if not others:
        return engine
    for other in others:
        _refuse_unable(engine.info, other.info)
    made_of: list[Any] = [engine, *others]
    match role:
        case "transcriber":
            return FailoverTranscriber(*made_of)
        case "language_model" if isinstance(engine, MessageEndPredictor):
            return _PredictingFailover(*made_of)
        case "language_model":
            return FailoverLanguageModel(*made_of)
        case "synthesizer":
            return FailoverSynthesizer(*made_of)
    message = (
        f"The {role} '{engine.info.name}' has a fallback, but only transcribers, language models "
        "and synthesizers can have one: leave 'fallback' out."
    )
    raise ConfigurationError(message)


def _refuse_unable(first: EngineInfo, other: EngineInfo) -> None:
    """Refuse a fallback that would be asked for what it cannot do.

    Raises:
        ConfigurationError: It does not hear or speak, though the first one does.
    """
    what = None
    if first.hears and not other.hears:
        what = f"hears, but its fallback '{other.name}' does not: choose one with 'hears'"
    elif first.speaks and not other.speaks:
        what = f"speaks, but its fallback '{other.name}' does not: choose one with 'speaks'"
    elif first.speaks and first.rate_hz != other.rate_hz:
        what = (
            f"speaks at {first.rate_hz} Hz, but its fallback '{other.name}' at {other.rate_hz} Hz: "
            "choose one with the same 'rate_hz'"
        )
    if what is not None:
        message = f"The {first.role.replace('_', ' ')} '{first.name}' {what}, or none."
        raise ConfigurationError(message)


def _as_spoken_by(info: EngineInfo, request: SpeechRequest) -> SpeechRequest:
    slowest, fastest = info.speeds
    voice = request.voice if request.voice in info.voices else info.voices[0]
    return replace(request, voice=voice, speed=min(max(request.speed, slowest), fastest))
