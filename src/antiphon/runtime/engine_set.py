"""The engines that serve all sessions of a process."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from antiphon.core.abilities import Abilities
from antiphon.core.plan import ChatMessage
from antiphon.core.window import Reader
from antiphon.engines.base import EngineInfo
from antiphon.engines.hearing import Denoiser, Transcriber, TurnPredictor, VoiceDetector
from antiphon.engines.speaking import Synthesizer
from antiphon.engines.thinking import GenerationRequest, LanguageModel, MessageEndPredictor
from antiphon.errors import ConfigurationError

__all__ = ["HOSTED_VOICES", "EngineSet", "SpokenVoice"]

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


class SpokenVoice(NamedTuple):
    """How a voice is spoken that clients ask for by name.

    Attributes:
        voice: The synthesizer's voice.
        speed: How fast it speaks at the client's speed 1.0.
    """

    voice: str
    speed: float = 1.0


@dataclass(frozen=True)
class EngineSet:
    """Who hears, thinks and speaks.

    Attributes:
        voice_detector: Says when someone speaks.
        denoiser: Takes noise out of what is heard.
        turn_predictor: Says whether someone who pauses has finished; ``None`` if nobody does, and
            then the words have to say it.
        transcriber: Turns speech into words.
        language_model: Works out what to say.
        synthesizer: Says it.
        voice_names: The operator's own names for the synthesizer's voices.

    Raises:
        ConfigurationError: A name stands for a voice that the synthesizer has not.
    """

    voice_detector: VoiceDetector
    denoiser: Denoiser
    turn_predictor: TurnPredictor | None
    transcriber: Transcriber
    language_model: LanguageModel
    synthesizer: Synthesizer
    voice_names: Mapping[str, SpokenVoice] = field(default_factory=dict)

    def __post_init__(self) -> None:
        own = self._speaker.voices
        for name, (voice, _) in self.voice_names.items():
            if voice not in own:
                message = (
                    f"The voice '{name}' is to be spoken by '{voice}', but the "
                    f"{self._speaker.role.replace('_', ' ')} '{self._speaker.name}' has only: "
                    f"{', '.join(own)}."
                )
                raise ConfigurationError(message)

    @property
    def _speaker(self) -> EngineInfo:
        """Who is heard: the synthesizer, unless the language model speaks for itself."""
        model = self.language_model.info
        return model if model.speaks else self.synthesizer.info

    @property
    def abilities(self) -> Abilities:
        """What clients may ask for."""
        return Abilities(
            voices=self.voices,
            transcriber=self.transcriber.info.name,
            languages=self.transcriber.info.languages,
            logprobs=self.transcriber.info.logprobs,
            language_model=self.language_model.info.name,
            message_ends=isinstance(self.language_model, MessageEndPredictor),
            images=self.language_model.info.images,
            hears=self.language_model.info.hears,
        )

    @property
    def act_out_a_script(self) -> bool:
        """Whether any of those who would work ahead acts out a script."""
        ahead = (self.transcriber, self.language_model, self.synthesizer)
        return any(engine.info.scripted for engine in ahead)

    @property
    def reader(self) -> Reader:
        """How much the language model can read."""
        return Reader(self.language_model.counter, self.language_model.info.context_tokens)

    @property
    def distinct_voices(self) -> tuple[str, ...]:
        """Names of voices that sound different, the speaker's default first."""
        return tuple(dict.fromkeys((*self._speaker.voices, *self.voice_names)))

    @property
    def voices(self) -> tuple[str, ...]:
        """Names of voices that clients may ask for, the speaker's default first."""
        return tuple(dict.fromkeys((*self.distinct_voices, *HOSTED_VOICES)))

    def voice_named(self, name: str) -> SpokenVoice:
        """Return how the voice of a name is spoken."""
        own = self._speaker.voices
        return self.voice_names.get(name) or SpokenVoice(name if name in own else own[0])

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
            self.turn_predictor,
            self.denoiser,
            self.voice_detector,
        )
        for engine in engines:
            if engine is not None:
                await engine.aclose()
