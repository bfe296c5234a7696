"""Scripted engines of every role, for one server, that can be seen to have stopped."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from typing import TypeVar

from antiphon.engines.base import EngineInfo, EngineSettings, Floats
from antiphon.engines.hearing import LISTENING_RATE_HZ, TranscriptEvent, TranscriptionRequest
from antiphon.engines.scripted.hearing import (
    ScriptedDenoiser,
    ScriptedTranscriber,
    ScriptedTurnPredictor,
    ScriptedVoiceDetector,
    create_denoiser,
    create_transcriber,
    create_turn_predictor,
)
from antiphon.engines.scripted.script import Script
from antiphon.engines.scripted.speaking import SPEAKING_RATE_HZ, TONES_HZ, ScriptedSynthesizer
from antiphon.engines.scripted.thinking import ScriptedLanguageModel, create_language_model
from antiphon.engines.speaking import SpeechRequest
from antiphon.engines.thinking import GenerationEvent, GenerationRequest
from antiphon.runtime.engine_set import EngineSet

__all__ = ["Cast", "Stage", "make_cast"]

T = TypeVar("T")


class Stage:
    """Counts the performances on it.

    Attributes:
        begun: How many have begun.
        running: How many have neither ended nor been stopped.
    """

    def __init__(self) -> None:
        self.begun = 0
        self.running = 0

    async def perform(self, events: AsyncGenerator[T, None]) -> AsyncGenerator[T, None]:
        """Pass a performance on."""
        self.begun += 1
        self.running += 1
        try:
            async with aclosing(events):
                async for event in events:
                    yield event
        finally:
            self.running -= 1


class WatchedTranscriber(ScriptedTranscriber):
    """A scripted transcriber on a stage."""

    def __init__(self, info: EngineInfo, script: Script, stage: Stage) -> None:
        super().__init__(info, script)
        self._on = stage

    def transcribe(
        self, audio: Floats, request: TranscriptionRequest
    ) -> AsyncGenerator[TranscriptEvent, None]:
        """Transcribe by the script."""
        return self._on.perform(super().transcribe(audio, request))


class WatchedLanguageModel(ScriptedLanguageModel):
    """A scripted language model on a stage."""

    def __init__(self, info: EngineInfo, script: Script, stage: Stage) -> None:
        super().__init__(info, script)
        self._on = stage

    def generate(self, request: GenerationRequest) -> AsyncGenerator[GenerationEvent, None]:
        """Answer by the script."""
        return self._on.perform(super().generate(request))


class WatchedSynthesizer(ScriptedSynthesizer):
    """A scripted synthesizer on a stage."""

    def __init__(self, info: EngineInfo, script: Script, stage: Stage) -> None:
        super().__init__(info, script)
        self._on = stage

    def synthesize(self, request: SpeechRequest) -> AsyncGenerator[Floats, None]:
        """Speak by the script."""
        return self._on.perform(super().synthesize(request))


@dataclass(frozen=True)
class Cast:
    """Who acts a script out.

    Attributes:
        stage: Where transcriber, language model and synthesizer perform.
    """

    stage: Stage
    voice_detector: ScriptedVoiceDetector
    denoiser: ScriptedDenoiser
    turn_predictor: ScriptedTurnPredictor
    transcriber: ScriptedTranscriber
    language_model: ScriptedLanguageModel
    synthesizer: ScriptedSynthesizer

    @property
    def engines(self) -> EngineSet:
        """The cast as a server takes it."""
        return EngineSet(
            voice_detector=self.voice_detector,
            denoiser=self.denoiser,
            turn_predictor=self.turn_predictor,
            transcriber=self.transcriber,
            language_model=self.language_model,
            synthesizer=self.synthesizer,
        )

    def conversation_seen(self, request: int = -1) -> list[tuple[str, str]]:
        """What the language model was shown, as (role, text), without the instructions."""
        messages = self.language_model.requests[request].messages
        return [(message.role, message.text) for message in messages if message.role != "system"]


def make_cast(script: Script | None = None) -> Cast:
    """Have scripted engines act out a script, or follow their rules."""
    script = script or Script()
    stage = Stage()
    detects = EngineInfo(name="scripted", role="voice_detector", rate_hz=LISTENING_RATE_HZ)
    settings = EngineSettings(name="scripted", options={"script": script})
    transcribes = create_transcriber(settings).info
    thinks = create_language_model(settings).info
    speaks = EngineInfo(
        name="scripted", role="synthesizer", rate_hz=SPEAKING_RATE_HZ, voices=tuple(TONES_HZ)
    )
    return Cast(
        stage,
        ScriptedVoiceDetector(detects, script, "detect"),
        create_denoiser(settings),
        create_turn_predictor(settings),
        WatchedTranscriber(transcribes, script, stage),
        WatchedLanguageModel(thinks, script, stage),
        WatchedSynthesizer(speaks, script, stage),
    )
