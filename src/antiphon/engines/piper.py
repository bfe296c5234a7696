"""Piper voices: quick neural speech synthesis.

The package ``piper-tts`` is GPL-3, so it is an optional extra that is loaded here, by name, and
nowhere else. It turns text into phonemes (with espeak-ng) and runs the voice's ONNX model, one
sentence at a time; a sentence cannot be synthesized in parts.

One thread a sentence is faster than two: 85 against 102 ms for five words on two cores.
"""

from __future__ import annotations

import contextlib
import importlib
import json
from collections.abc import AsyncGenerator, Mapping
from functools import partial
from typing import Any

import numpy as np
from msgspec import Struct

from antiphon.engines.base import EngineInfo, EngineSettings, Floats
from antiphon.engines.onnx import open_session
from antiphon.engines.options import file_of, options_as
from antiphon.engines.pool import Emitter, WorkerPool
from antiphon.engines.speaking import SpeechRequest
from antiphon.errors import EngineError

__all__ = ["PiperOptions", "PiperSynthesizer", "create", "without_lead_in"]

AUDIBLE = 0.005
"""Amplitude (-46 dBFS) below which the beginning of a sentence counts as silence."""

SPEEDS = (0.5, 1.5)
"""Below it the voice gets hard to understand: at 0.25 a recognizer misses 18 % of the words, but
only 11 % of those spoken at 0.5 and stretched."""

LEAD_IN_MS = 10
"""Silence that is left before the first sound, so that it is not cut into."""


class PiperOptions(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an operator may set.

    Attributes:
        gain: Factor for all samples. Voices peak between 0.3 and 0.7; Piper's own normalization
            raises every sentence to full scale, which makes short ones shout.
    """

    gain: float = 1.4


class PiperSynthesizer:
    """Speaks with one Piper voice file. Built by :func:`create`.

    Args:
        info: What it is.
        voice: A ``piper.PiperVoice``.
        synthesis_config: The class ``piper.SynthesisConfig``.
        speakers: Speaker number of each voice name; ``None`` in a file of one speaker.
        options: Its options.
        threads: How many segments are spoken at once.
    """

    def __init__(
        self,
        info: EngineInfo,
        voice: Any,  # noqa: ANN401 (a library that need not be installed)
        synthesis_config: Any,  # noqa: ANN401 (a library that need not be installed)
        speakers: Mapping[str, int | None],
        options: PiperOptions,
        threads: int,
    ) -> None:
        self.info = info
        self._voice = voice
        self._synthesis_config = synthesis_config
        self._speakers = speakers
        self._options = options
        self._pool = WorkerPool(stage="synthesize", threads=threads, name=info.name)

    async def synthesize(self, request: SpeechRequest) -> AsyncGenerator[Floats, None]:
        """Yield one chunk a sentence. The speed changes the tempo and keeps the pitch.

        Raises:
            EngineError: Code ``voice_not_found``, or the model failed.
        """
        if request.voice not in self._speakers:
            voices = ", ".join(self.info.voices)
            message = f"{self.info.name} has no voice {request.voice!r}; its voices are {voices}"
            raise EngineError(message, stage="synthesize", code="voice_not_found")
        async with contextlib.aclosing(self._pool.stream(partial(self._speak, request))) as chunks:
            async for chunk in chunks:
                yield chunk

    async def aclose(self) -> None:
        """Cancel all work and end the threads."""
        await self._pool.aclose()

    def speak_once(self) -> None:
        """Speak a word to nobody: the first inference allocates memory and takes longer."""
        config = self._config(SpeechRequest(text="", voice=self.info.voices[0]))
        for _ in self._voice.synthesize("Hello.", config):
            pass

    def _speak(self, request: SpeechRequest, emit: Emitter[Floats]) -> None:
        first = True
        for sentence in self._voice.synthesize(request.text, self._config(request)):
            audio = np.asarray(sentence.audio_float_array, np.float32)
            emit(without_lead_in(audio, self.info.rate_hz) if first else audio)
            first = False

    def _config(self, request: SpeechRequest) -> Any:  # noqa: ANN401 (a library that need not be installed)
        return self._synthesis_config(
            speaker_id=self._speakers[request.voice],
            length_scale=self._voice.config.length_scale / request.speed,
            normalize_audio=False,
            volume=self._options.gain,
        )


def create(settings: EngineSettings) -> PiperSynthesizer:
    """Load the files ``model`` and ``config``; options as in :class:`PiperOptions`.

    Raises:
        EngineError: piper-tts is not installed, an option is wrong, or a file cannot be used.
    """
    options = options_as(settings, PiperOptions, "synthesize")
    config_path = file_of(settings, "config", "synthesize")
    session = open_session(file_of(settings, "model", "synthesize"), threads=1, stage="synthesize")
    try:
        piper = importlib.import_module("piper")
    except ImportError as error:
        message = "piper-tts (GPL-3) is not installed; install antiphon[local]"
        raise EngineError(message, stage="synthesize", code="not_installed") from error
    try:
        described = json.loads(config_path.read_bytes())
        voice = piper.PiperVoice(config=piper.PiperConfig.from_dict(described), session=session)
        speakers: dict[str, int | None] = dict(described.get("speaker_id_map") or {})
        speakers = speakers or {described.get("dataset", settings.name): None}
        language = described["language"]["family"]
    except (ValueError, KeyError) as error:
        message = f"{config_path} does not describe a Piper voice: {error!r}"
        raise EngineError(message, stage="synthesize", code="weights_unreadable") from error
    info = EngineInfo(
        name=settings.name,
        role="synthesizer",
        languages=(language,),
        rate_hz=voice.config.sample_rate,
        voices=tuple(speakers),
        speeds=SPEEDS,
    )
    synthesizer = PiperSynthesizer(
        info, voice, piper.SynthesisConfig, speakers, options, settings.threads
    )
    synthesizer.speak_once()
    return synthesizer


def without_lead_in(audio: Floats, rate_hz: int) -> Floats:
    """The audio without the silence it begins with, which the listener would only wait for."""
    audible = np.flatnonzero(np.abs(audio) > AUDIBLE)
    if not audible.size:
        return audio
    return audio[max(0, int(audible[0]) - LEAD_IN_MS * rate_hz // 1000) :]
