"""Piper voices: quick neural speech synthesis.

The package ``piper-tts`` is GPL-3, so it is an optional extra that is loaded by name. It turns text
into phonemes (with espeak-ng) and runs the voice's ONNX model, one sentence at a time; a sentence
cannot be synthesized in parts.

Any voice will do that comes as ``NAME.onnx`` with ``NAME.onnx.json`` beside it, as
https://huggingface.co/rhasspy/piper-voices has them, for some forty languages. Its language, sample
rate and speakers are what the ``.json`` says.

One thread a sentence is faster than two: 85 against 102 ms for five words on two cores.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from msgspec import Meta, Struct

from antiphon.engines.base import EngineInfo, EngineSettings, Floats
from antiphon.engines.native.onnx import open_session
from antiphon.engines.native.pool import Emitter, WorkerPool, pool_for
from antiphon.engines.native.pooled import PooledSynthesizer
from antiphon.engines.options import file_of, options_as
from antiphon.engines.speaking import SpeechRequest
from antiphon.engines.voices.espeak import import_piper, legible
from antiphon.engines.voices.lead_in import without_lead_in
from antiphon.errors import EngineError

__all__ = ["PiperOptions", "PiperSynthesizer", "create"]

SPEEDS = (0.5, 1.5)
"""Below it the voice gets hard to understand: at 0.25 a recognizer misses 18 % of the words, but
only 11 % of those spoken at 0.5 and stretched."""

_PHONEME_TYPES = ("espeak", "text")
"""How voices have text turned into phonemes. Piper's other ways, for Chinese, Hebrew, Japanese and
Thai, need further packages, or fetch models in the middle of a sentence."""


class PiperOptions(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an operator may set.

    Attributes:
        gain: Factor for all samples. Voices peak between 0.3 and 0.7; Piper's own normalization
            raises every sentence to full scale, which makes short ones shout.
    """

    gain: Annotated[float, Meta(gt=0, le=100)] = 1.4


class PiperSynthesizer(PooledSynthesizer):
    """Speaks with one Piper voice file. Built by :func:`create`.

    One chunk comes for each sentence. Letters of other scripts are left out (:func:`legible`), and
    so are phonemes that the voice has not learnt. The speed changes the tempo and keeps the pitch.

    Args:
        info: What it is.
        voice: A ``piper.PiperVoice``.
        synthesis_config: The class ``piper.SynthesisConfig``.
        speakers: Speaker number of each voice name; ``None`` in a file of one speaker.
        options: Its options.
        pool: Its threads.
    """

    def __init__(
        self,
        info: EngineInfo,
        voice: Any,  # noqa: ANN401 (a library that need not be installed)
        synthesis_config: Any,  # noqa: ANN401 (a library that need not be installed)
        speakers: Mapping[str, int | None],
        options: PiperOptions,
        pool: WorkerPool,
    ) -> None:
        super().__init__(info, pool)
        self._voice = voice
        self._synthesis_config = synthesis_config
        self._speakers = speakers
        self._options = options

    def speak_once(self) -> None:
        """Speak a word to nobody: the first inference allocates memory and takes longer."""
        config = self._config(SpeechRequest(text="", voice=self.info.voices[0]))
        for _ in self._voice.synthesize("Hello.", config):
            pass

    def _speak(self, request: SpeechRequest, emit: Emitter[Floats]) -> None:
        first = True
        text = legible(request.text, self.info.languages[0])
        for sentence in self._voice.synthesize(text, self._config(request)):
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

    Without a file ``config`` it is the one beside the model, its name with ``.json`` appended.

    Raises:
        EngineError: piper-tts is not installed, an option is wrong, or a file cannot be used.
    """
    options = options_as(settings, PiperOptions, "synthesize")
    model_path = file_of(settings, "model", "synthesize")
    config_path = _config_path(settings, model_path)
    session = open_session(model_path, threads=1, stage="synthesize")
    piper = import_piper()
    try:
        described = json.loads(config_path.read_bytes())
        phoneme_type = described.get("phoneme_type", "espeak")
        voice = piper.PiperVoice(config=piper.PiperConfig.from_dict(described), session=session)
        speakers = _speakers(described, settings.name)
        language = _language(described)
    except (AttributeError, KeyError, OSError, TypeError, ValueError) as error:
        message = f"{config_path} does not describe a Piper voice: {error!r}"
        raise EngineError(message, stage="synthesize", code="weights_unreadable") from error
    if phoneme_type not in _PHONEME_TYPES:
        message = (
            f"{config_path} describes a voice whose phonemes are of type {phoneme_type!r}; "
            f"only {' and '.join(_PHONEME_TYPES)} can be spoken. Choose another voice"
        )
        raise EngineError(message, stage="synthesize", code="weights_unsupported")
    info = EngineInfo(
        name=settings.name,
        role="synthesizer",
        languages=(language,),
        rate_hz=voice.config.sample_rate,
        voices=tuple(speakers),
        speeds=SPEEDS,
    )
    synthesizer = PiperSynthesizer(
        info, voice, piper.SynthesisConfig, speakers, options, pool_for(settings, "synthesize")
    )
    synthesizer.speak_once()
    return synthesizer


def _config_path(settings: EngineSettings, model_path: Path) -> Path:
    if "config" in settings.files:
        return file_of(settings, "config", "synthesize")
    beside = model_path.with_name(f"{model_path.name}.json")
    if not beside.is_file():
        message = (
            f"{beside} is not there: a Piper voice is two files, NAME.onnx and NAME.onnx.json. "
            "Put the second beside the first"
        )
        raise EngineError(message, stage="synthesize", code="weights_missing")
    return beside


def _speakers(described: Mapping[str, Any], fallback: str) -> dict[str, int | None]:
    """Return the number of each speaker, the first of them first, by name."""
    numbers: dict[str, int] = described.get("speaker_id_map") or {}
    if numbers:
        return {name: numbers[name] for name in sorted(numbers, key=numbers.__getitem__)}
    if described["num_speakers"] > 1:
        return {str(number): number for number in range(described["num_speakers"])}
    return {described.get("dataset") or fallback: None}


def _language(described: Mapping[str, Any]) -> str:
    """Return the ISO-639-1 code; the oldest voices only say what espeak-ng calls the language."""
    family = described.get("language", {}).get("family")
    return str(family or described["espeak"]["voice"].partition("-")[0])
