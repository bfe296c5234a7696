"""What transcribers and synthesizers have in common whose models block a thread.

An engine says what is done on the thread (:meth:`PooledTranscriber._recognize`,
:meth:`PooledSynthesizer._speak`); the rest is the same for all.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator
from contextlib import aclosing
from functools import partial

import numpy as np

from antiphon.engines.base import EngineInfo, Floats
from antiphon.engines.hearing import TranscriptEvent, TranscriptionRequest
from antiphon.engines.native.pool import Emitter, WorkerPool
from antiphon.engines.speaking import SpeechRequest, require_voice
from antiphon.errors import EngineError

__all__ = ["PooledSynthesizer", "PooledTranscriber"]

CHUNKS_AHEAD = 256
"""How many chunks of a segment may wait to be heard: more than one has. A thread that waited for
who listens would keep everybody else waiting."""


class PooledTranscriber(ABC):
    """A transcriber on threads of its own.

    Args:
        info: What it is.
        pool: On how many threads it recognizes utterances; the others wait.
    """

    def __init__(self, info: EngineInfo, pool: WorkerPool) -> None:
        self.info = info
        self._pool = pool

    async def transcribe(
        self, audio: Floats, request: TranscriptionRequest
    ) -> AsyncGenerator[TranscriptEvent, None]:
        """Yield deltas, then the transcript.

        Args:
            audio: Shape (n,), float32 at 16 kHz; any length.
            request: Hints; the class says which it heeds.

        Raises:
            EngineError: The audio does not have one dimension, or the model failed.
        """
        if audio.ndim != 1:
            message = f"audio must have one dimension, not shape {audio.shape}"
            raise EngineError(message, stage="transcribe", code="invalid_audio")
        samples = np.ascontiguousarray(audio, np.float32)
        produce = partial(self._recognize, samples, request)
        async with aclosing(self._pool.stream(produce)) as events:
            async for event in events:
                yield event

    async def aclose(self) -> None:
        """Cancel all work and end the threads."""
        await self._pool.aclose()

    @abstractmethod
    def _recognize(
        self, audio: Floats, request: TranscriptionRequest, emit: Emitter[TranscriptEvent]
    ) -> None:
        """Recognize an utterance (on a thread), and emit what comes of it."""


class PooledSynthesizer(ABC):
    """A synthesizer on threads of its own.

    Args:
        info: What it is.
        pool: On how many threads it speaks segments; the others wait.
    """

    def __init__(self, info: EngineInfo, pool: WorkerPool) -> None:
        self.info = info
        self._pool = pool

    async def synthesize(self, request: SpeechRequest) -> AsyncGenerator[Floats, None]:
        """Yield speech as it is computed; a text without any words is silent.

        Raises:
            EngineError: Code ``voice_not_found``, or the model failed.
        """
        require_voice(self.info, request.voice)
        speak = partial(self._speak, request)
        async with aclosing(self._pool.stream(speak, buffer=CHUNKS_AHEAD)) as chunks:
            async for chunk in chunks:
                yield chunk

    async def aclose(self) -> None:
        """Cancel all work and end the threads."""
        await self._pool.aclose()

    @abstractmethod
    def _speak(self, request: SpeechRequest, emit: Emitter[Floats]) -> None:
        """Speak a segment (on a thread), and emit its audio."""
