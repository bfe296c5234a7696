"""Utterances for transcribers to be measured by: a person who reads, and synthetic voices.

What is spoken here is spoken once and kept under ``ANTIPHON_HOME/bench``. Run by itself, this has
everything spoken, and says how much there is::

    python -m bench.clips
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from itertools import cycle
from pathlib import Path

import numpy as np
import soundfile
import soxr

from antiphon.ask import WIRE_RATE_HZ
from antiphon.engines.base import Floats
from antiphon.engines.hearing import LISTENING_RATE_HZ
from antiphon.engines.registry import Readiness, status
from antiphon.engines.self_tests import QUESTION
from antiphon.engines.weights.store import default_home
from bench.questions import QUESTIONS, spoken_questions
from bench.turn_sentences import HESITANT
from bench.turn_set import RECORDINGS
from bench.turn_voices import Studio, audible
from bench.words import normalized

__all__ = ["PERSON", "PIPER", "Clip", "clips", "joined"]

PERSON, PIPER, KOKORO = "a person", "Piper", "Kokoro"

KOKORO_VOICES = ("af_heart", "am_michael", "af_bella", "am_fenrir", "bf_emma")
KOKORO_TEXTS = 30
GAP_S = 0.2
_RECORDINGS_FOLDER = Path(__file__).parent.parent / "tests" / "data" / "speech"


@dataclass(frozen=True)
class Clip:
    """An utterance.

    Attributes:
        speaker: Who speaks: :data:`PERSON`, :data:`PIPER` or :data:`KOKORO`.
        text: What is said.
        samples: Shape (n,), mono float32 at 16 kHz.
    """

    speaker: str
    text: str
    samples: Floats


async def clips() -> list[Clip]:
    """Return all utterances; those of Kokoro only if it is there.

    Raises:
        AntiphonError: They have to be spoken first, and the default synthesizer cannot be loaded.
    """
    utterances = [
        Clip(PERSON, marked.replace(" | ", " "), _read(_RECORDINGS_FOLDER / f"{name}.wav"))
        for name, marked in RECORDINGS.items()
    ]
    with resources.as_file(resources.files("antiphon.engines") / "question.wav") as path:
        utterances.append(Clip(PIPER, QUESTION, _read(path)))
    for question in await spoken_questions(len(QUESTIONS)):
        samples = soxr.resample(question.samples, WIRE_RATE_HZ, LISTENING_RATE_HZ)
        utterances.append(Clip(PIPER, question.text, samples))
    if _kokoro_is_ready():
        utterances += await _spoken_by_kokoro()
    return utterances


def joined(utterances: Sequence[Clip], duration_s: float) -> Floats:
    """Put whole utterances after each other, longest first, as long as one fits; then silence.

    Returns:
        Shape (n,), float32 at 16 kHz: exactly ``duration_s``.
    """
    sound = np.zeros(round(duration_s * LISTENING_RATE_HZ), np.float32)
    start = 0
    for samples in sorted((utterance.samples for utterance in utterances), key=len, reverse=True):
        end = start + len(samples)
        if end <= len(sound):
            sound[start:end] = samples
            start = end + round(GAP_S * LISTENING_RATE_HZ)
    assert start, f"no utterance is shorter than {duration_s} s"
    return sound


def _read(path: Path) -> Floats:
    """Return the audible part of a WAV file at 16 kHz."""
    samples, rate_hz = soundfile.read(path, dtype="float32")
    assert rate_hz == LISTENING_RATE_HZ, f"{path} has {rate_hz} Hz"
    start, end = audible(samples)
    speech: Floats = samples[start:end]
    return speech


def _kokoro_is_ready() -> bool:
    kokoro = status("synthesizer", "kokoro-82m", home=default_home())
    return kokoro.readiness is Readiness.READY


async def _spoken_by_kokoro() -> list[Clip]:
    texts = [marked.replace(" | ", " ") for marked in HESITANT[:KOKORO_TEXTS]]
    studio = Studio()
    try:
        return [
            Clip(KOKORO, text, await studio.speak(text, voice, 1.0))
            for text, voice in zip(texts, cycle(KOKORO_VOICES), strict=False)
        ]
    finally:
        await studio.aclose()


def main() -> None:
    utterances = asyncio.run(clips())
    words: Counter[str] = Counter()
    for utterance in utterances:
        words[utterance.speaker] += len(normalized(utterance.text))
    for speaker, count in words.items():
        print(f"{speaker}: {count} words")


if __name__ == "__main__":
    main()
