"""Kokoro-82M: the most natural voices that two cores can speak with, several to choose from.

The network is Apache-2.0, like its voices; how words are pronounced is asked of espeak-ng, which
is GPL-3 (``engines/voices/espeak.py``).
"""

from __future__ import annotations

import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from msgspec import Meta, Struct

from antiphon.engines.base import EngineInfo, EngineSettings, Floats
from antiphon.engines.native.pool import Emitter, WorkerPool, pool_for
from antiphon.engines.native.pooled import PooledSynthesizer
from antiphon.engines.options import file_of, options_as
from antiphon.engines.speaking import SpeechRequest
from antiphon.engines.voices.espeak import Pronouncer
from antiphon.engines.voices.kokoro_model import KOKORO_RATE_HZ, KokoroModel
from antiphon.engines.voices.kokoro_phonemes import encode, utterances
from antiphon.engines.voices.lead_in import without_lead_in
from antiphon.errors import EngineError

__all__ = ["KokoroOptions", "KokoroSynthesizer", "create", "read_styles"]

SPEEDS = (0.5, 1.5)
"""As for Piper: slower, it is stretched."""

_STYLES_SHAPE = (510, 1, 256)
"""One style for each number of phonemes."""

_STYLES_FOLDER = "package/voices/"
"""Where the package ``kokoro-js`` has one file a voice: float32, little-endian."""

Language = Literal["en", "es", "fr", "hi", "it", "pt"]

_ACCENTS: Mapping[Language, Mapping[str, str]] = {
    "en": {"a": "en-us", "b": "en-gb-x-rp"},
    "es": {"e": "es"},
    "fr": {"f": "fr"},
    "hi": {"h": "hi"},
    "it": {"i": "it"},
    "pt": {"p": "pt-br"},
}
"""By the first letter of a voice's name: what it speaks, as espeak-ng calls it. Kokoro also has
Japanese and Chinese voices, for which espeak-ng is no help."""

_DEFAULT_VOICE = "af_heart"
"""The one that its authors rate best; other languages have the first by name."""


class KokoroOptions(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an operator may set.

    Attributes:
        language: What is spoken. A voice speaks one language.
        gain: Factor for all samples; what exceeds full scale by it is cut off. Voices peak between
            0.4 and 1.0, and are about as loud as Piper's are here.
    """

    language: Language = "en"
    gain: Annotated[float, Meta(gt=0, le=100)] = 1.0


class KokoroSynthesizer(PooledSynthesizer):
    """Speaks. Built by :func:`create`.

    The first half second comes as soon as it is computed, then longer chunks. Letters of other
    scripts are left out.

    Args:
        info: What it is.
        model: The network.
        styles: Of each voice, shape (510, 1, 256).
        pronouncers: By the first letter of a voice's name.
        options: Its options.
        pool: Its threads.
    """

    def __init__(
        self,
        info: EngineInfo,
        model: KokoroModel,
        styles: Mapping[str, Floats],
        pronouncers: Mapping[str, Pronouncer],
        options: KokoroOptions,
        pool: WorkerPool,
    ) -> None:
        super().__init__(info, pool)
        self._model = model
        self._styles = styles
        self._pronouncers = pronouncers
        self._options = options

    def speak_once(self) -> None:
        """Speak a word to nobody: the first inference allocates memory and takes longer."""
        style = self._styles[self.info.voices[0]][0]
        for _ in self._model.speak(encode("a"), style, 1.0):
            pass

    def _speak(self, request: SpeechRequest, emit: Emitter[Floats]) -> None:
        pronouncer = self._pronouncers[request.voice[0]]
        for sentence in pronouncer.sentences(request.text):
            for utterance in utterances(sentence):
                phonemes = encode(utterance)
                style = self._styles[request.voice][len(phonemes) - 1]
                begun = False
                for audio in self._model.speak(phonemes, style, request.speed):
                    loud = np.clip(audio * self._options.gain, -1, 1, dtype=np.float32)
                    emit(loud if begun else without_lead_in(loud, KOKORO_RATE_HZ))
                    begun = True


def create(settings: EngineSettings) -> KokoroSynthesizer:
    """Load the files ``model`` and ``voices``; options as in :class:`KokoroOptions`.

    Raises:
        EngineError: A library is not installed, an option is wrong, or a file cannot be used.
    """
    options = options_as(settings, KokoroOptions, "synthesize")
    accents = _ACCENTS[options.language]
    styles = read_styles(file_of(settings, "voices", "synthesize"), tuple(accents))
    pronouncers = {
        letter: Pronouncer(accent, options.language) for letter, accent in accents.items()
    }
    info = EngineInfo(
        name=settings.name,
        role="synthesizer",
        languages=(options.language,),
        rate_hz=KOKORO_RATE_HZ,
        voices=tuple(sorted(styles, key=lambda voice: (voice != _DEFAULT_VOICE, voice))),
        speeds=SPEEDS,
    )
    model = KokoroModel(file_of(settings, "model", "synthesize"))
    pool = pool_for(settings, "synthesize")
    synthesizer = KokoroSynthesizer(info, model, styles, pronouncers, options, pool)
    synthesizer.speak_once()
    return synthesizer


def read_styles(archive: Path, accents: tuple[str, ...]) -> dict[str, Floats]:
    """Read the voices of some accents out of the npm package ``kokoro-js``.

    Args:
        archive: The package, a gzipped tar file.
        accents: First letters of the names of the voices that are wanted.

    Returns:
        By the voice's name: shape (510, 1, 256).

    Raises:
        EngineError: The file is something else, or has no such voices.
    """
    styles: dict[str, Floats] = {}
    try:
        with tarfile.open(archive, "r:gz") as package:
            for member in package:
                voice = member.name.removeprefix(_STYLES_FOLDER).removesuffix(".bin")
                if member.name == f"{_STYLES_FOLDER}{voice}.bin" and voice.startswith(accents):
                    content = package.extractfile(member)
                    numbers = np.frombuffer(content.read() if content else b"", np.dtype("<f4"))
                    styles[voice] = numbers.astype(np.float32).reshape(_STYLES_SHAPE)
    except (tarfile.TarError, ValueError, EOFError, OSError) as error:
        message = f"{archive} does not hold Kokoro's voices: {error}"
        raise EngineError(message, stage="synthesize", code="weights_unreadable") from error
    if not styles:
        message = f"{archive} holds no voices of Kokoro whose names begin with {accents}"
        raise EngineError(message, stage="synthesize", code="weights_unreadable")
    return styles
