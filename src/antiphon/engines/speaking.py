"""Engines that speak."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Protocol

from msgspec import Struct

from antiphon.engines.base import Engine, EngineInfo, Floats
from antiphon.errors import EngineError

__all__ = [
    "SpeechRequest",
    "Synthesizer",
    "require_voice",
]


class SpeechRequest(Struct, frozen=True, kw_only=True):
    """What to say and how.

    Attributes:
        text: A speakable segment of text.
        voice: One of the engine's voices.
        speed: Speaking rate, 1.0 is natural; within the engine's ``info.speeds``.
    """

    text: str
    voice: str
    speed: float = 1.0


class Synthesizer(Engine, Protocol):
    """Speaks."""

    def synthesize(self, request: SpeechRequest) -> AsyncGenerator[Floats, None]:
        """Speak one segment.

        Yields:
            Chunks of mono float32 samples at ``info.rate_hz``, in order, of any length.

        Raises:
            EngineError: stage ``synthesize``.
        """
        ...


def require_voice(info: EngineInfo, voice: str) -> None:
    """Check that an engine has a voice.

    Raises:
        EngineError: Code ``voice_not_found``; the message names the voices that it has.
    """
    if voice not in info.voices:
        voices = ", ".join(info.voices)
        message = f"{info.name} has no voice {voice!r}; its voices are {voices}"
        raise EngineError(message, stage="synthesize", code="voice_not_found")
