"""Questions that a small assistant answers in one sentence, spoken by the embedded synthesizer.

The recordings are made once, at three speaking rates, and kept under ``ANTIPHON_HOME/bench``.
"""

from __future__ import annotations

import asyncio
import hashlib
import itertools
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np
import soxr

from antiphon.ask import WIRE_RATE_HZ, read_wav, write_wav
from antiphon.audio.formats import Floats, to_int16s
from antiphon.engines.registry import load_engine
from antiphon.engines.speaking import SpeechRequest, Synthesizer
from antiphon.engines.weights.store import default_home

__all__ = ["QUESTIONS", "Recording", "spoken_questions", "unbroken_sentences"]

SPEEDS = (0.8, 0.75, 0.7)
"""Speaking rates, in turn: people do not all speak alike. The voice is a quick one at 1.0."""

AUDIBLE = 0.005
"""Amplitude (-46 dBFS) above which a sample counts as speech; recordings end with the last one."""

SENTENCE_S = 3.0
LONGEST_PAUSE_S = 0.3
"""In a sentence that is to be one turn."""

QUESTIONS = (
    "Hello, can you hear me well enough to talk?",
    "What is the capital city of Italy?",
    "How many days are there in a week, and in a year?",
    "Which colour do you get from blue and yellow?",
    "Could you tell me a short joke, please?",
    "What do bees make from the nectar of flowers?",
    "How do I boil an egg so that it stays soft?",
    "Which planet is closest to the sun?",
    "What is a good name for a small black cat?",
    "Please wish me a good night and sweet dreams.",
    "What should I wear when it rains outside?",
    "How many legs does a spider have?",
    "What language do people speak in Brazil?",
    "Is a tomato a fruit or a vegetable?",
    "Can you recommend a book for a long train ride?",
    "What is the opposite of the word cold?",
    "How long does it take to bake a potato?",
    "Which animal is known as the king of the jungle?",
    "What can I cook with rice and a few eggs?",
    "Why is the sky blue on a clear day?",
    "What is the largest ocean on the earth?",
    "How can I fall asleep more quickly at night?",
    "Who wrote the play about Romeo and Juliet?",
    "What do you call a baby dog and a baby cat?",
    "Could you tell me how much seven plus five is?",
    "What is the best way to clean my glasses?",
    "Which month comes right after September?",
    "Could you suggest a gift for my grandmother?",
    "What sound does a cat make when it is happy?",
    "How often should I water a cactus?",
    "Where does the sun rise in the morning?",
    "What is a simple breakfast for two people?",
    "How do you say thank you in Spanish?",
    "Which sport is played with a racket and a net?",
    "What is the frozen form of water called?",
    "Can you explain in one sentence what a cloud is?",
    "How should I greet a neighbour who has just moved in?",
    "What is something fun to do on a rainy Sunday?",
    "Which season comes after the winter?",
    "So, what would you like to talk about with me today?",
)


@dataclass(frozen=True)
class Recording:
    """A spoken question.

    Attributes:
        text: Its words.
        samples: Shape (n,), mono float32 at 24 kHz; the last sample is the last audible one.
    """

    text: str
    samples: Floats


async def spoken_questions(count: int) -> list[Recording]:
    """Return the first questions, again from the first if there are not enough.

    Raises:
        AntiphonError: They have to be spoken first, and the embedded synthesizer cannot be loaded.
    """
    texts = QUESTIONS[:count]
    paths = [_path_of(text, speed) for text, speed in _spoken(texts)]
    if not all(path.exists() for path in paths):
        await _speak(texts)
    recordings = [Recording(text, read_wav(path)) for text, path in zip(texts, paths, strict=True)]
    return [recordings[index % len(recordings)] for index in range(count)]


def unbroken_sentences(questions: Sequence[Recording]) -> list[Floats]:
    """Return what people say who make no pauses: the last three seconds of two questions each.

    The last, since nobody ends within a vowel: what sounds there goes on for a detector, for two
    or three of its frames, which would count as the server's own time.
    """
    sentences = []
    for first, second in itertools.pairwise(questions):
        speech = np.concatenate([first.samples, second.samples])
        speech = speech[-round(SENTENCE_S * WIRE_RATE_HZ) :]
        audible = np.flatnonzero(np.abs(speech) > AUDIBLE)
        if np.diff(audible).max() < LONGEST_PAUSE_S * WIRE_RATE_HZ:
            sentences.append(speech[: audible[-1] + 1])
    return sentences


def _spoken(texts: Sequence[str]) -> list[tuple[str, float]]:
    return [(text, SPEEDS[index % len(SPEEDS)]) for index, text in enumerate(texts)]


def _path_of(text: str, speed: float) -> Path:
    digest = hashlib.sha256(f"{speed} {text}".encode()).hexdigest()
    return default_home() / "bench" / f"{digest[:16]}.wav"


async def _speak(texts: Sequence[str]) -> None:
    synthesizer = cast("Synthesizer", await load_engine("synthesizer"))
    voice, rate_hz = synthesizer.info.voices[0], synthesizer.info.rate_hz
    try:
        for text, speed in _spoken(texts):
            request = SpeechRequest(text=text, voice=voice, speed=speed)
            async with aclosing(synthesizer.synthesize(request)) as chunks:
                speech = np.concatenate([chunk async for chunk in chunks])
            audible = np.flatnonzero(np.abs(speech) > AUDIBLE)
            resampled = soxr.resample(speech[: audible[-1] + 1], rate_hz, WIRE_RATE_HZ)
            path = _path_of(text, speed)
            path.parent.mkdir(parents=True, exist_ok=True)
            write_wav(path, to_int16s(resampled).tobytes())
    finally:
        await synthesizer.aclose()


if __name__ == "__main__":
    for recording in asyncio.run(spoken_questions(len(QUESTIONS))):
        print(f"{len(recording.samples) / WIRE_RATE_HZ:4.1f} s  {recording.text}")
