"""The four engines that serve all sessions of a process."""

from __future__ import annotations

from dataclasses import dataclass

from antiphon.core.plan import ChatMessage
from antiphon.engines.base import (
    GenerationRequest,
    LanguageModel,
    Synthesizer,
    Transcriber,
    VoiceDetector,
)

__all__ = ["HOSTED_VOICES", "EngineSet"]

HOSTED_VOICES = (
    "alloy",
    "ash",
    "ballad",
    "cedar",
    "coral",
    "echo",
    "marin",
    "sage",
    "shimmer",
    "verse",
)
"""Voices of the hosted service. Clients ask for them by default, so they are always accepted, and
spoken with the synthesizer's own default voice where it has none of that name."""


@dataclass(frozen=True)
class EngineSet:
    """Who hears, thinks and speaks.

    Attributes:
        voice_detector: Says when someone speaks.
        transcriber: Turns speech into words.
        language_model: Works out what to say.
        synthesizer: Says it.
    """

    voice_detector: VoiceDetector
    transcriber: Transcriber
    language_model: LanguageModel
    synthesizer: Synthesizer

    @property
    def voices(self) -> tuple[str, ...]:
        """Names of voices that clients may ask for, the synthesizer's default first."""
        return tuple(dict.fromkeys((*self.synthesizer.info.voices, *HOSTED_VOICES)))

    def voice_named(self, name: str) -> str:
        """Return the synthesizer's voice that stands for a name."""
        own = self.synthesizer.info.voices
        return name if name in own else own[0]

    async def warm(self, instructions: str) -> None:
        """Have the language model read instructions before anybody asks.

        Raises:
            EngineError: It cannot.
        """
        message = ChatMessage("system", instructions)
        await self.language_model.warm(GenerationRequest(messages=(message,)))

    async def aclose(self) -> None:
        """Close all engines."""
        engines = (
            self.transcriber,
            self.language_model,
            self.synthesizer,
            self.voice_detector,
        )
        for engine in engines:
            await engine.aclose()
