"""How soon synthesizers are heard, how quickly they speak, and whether they are understood.

For ``bench/engines.py``. What they say is written down by the smallest transcriber, whose own
mistakes count as theirs.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass

import numpy as np
import soxr
from msgspec import Struct

from antiphon.engines.base import Floats
from antiphon.engines.hearing import LISTENING_RATE_HZ, Transcriber
from antiphon.engines.speaking import SpeechRequest, Synthesizer
from bench.common import Table
from bench.engines_hearing import transcribe
from bench.questions import QUESTIONS
from bench.words import normalized, word_errors

__all__ = [
    "EARS",
    "FIVE_WORDS",
    "Speaking",
    "Speech",
    "judge",
    "speak",
    "speak_all",
    "speaking_table",
]

EARS = "moonshine-tiny-en"
"""The transcriber that says whether speech is understood."""

FIVE_WORDS = (
    "The train leaves at noon.",
    "Breakfast is ready downstairs now.",
    "I will call you tomorrow.",
    "Your order is almost there.",
    "That is a good question.",
    "Let me look that up.",
    "The museum opens at ten.",
    "You can bring your dog.",
)
TWENTY_WORDS = (
    "The train to the coast leaves at noon, so there is still time for a cup of tea before it.",
    "If you walk along the river for a while, you will see the old bridge and the very small port.",
    "The soup is made from peas and cream, and it comes to the table with bread from our own oven.",
    "I have moved your visit to Thursday at ten, and we will call you if any of that has changed.",
    "Many birds fly south in autumn, as there is more for them to eat where it is mild in winter.",
    "Water the plants late in the evening, when the sun is low and the earth is not so hot now.",
    "The museum has two floors of art, a room for children, and a big yard where you can sit too.",
    "Let me look that up for you, it may take me a moment because the list is quite long today.",
)
QUESTIONS_SPOKEN = 20


@dataclass(frozen=True)
class Speech:
    """A text that was spoken.

    Attributes:
        text: What was to be said.
        audio: Shape (n,), mono float32 at 16 kHz.
        first_ms: How long it took until the first of it could be heard.
        took_s: How long it took to make.
    """

    text: str
    audio: Floats
    first_ms: float
    took_s: float


class Speaking(Struct, frozen=True, tag=True):
    """What a synthesizer did.

    Attributes:
        first_ms: How long it took until something could be heard, for texts of so many words.
        pace: How long twenty words took to make, by how long they take to say.
        words: How many words it said.
        errors: How many of them were understood wrongly, added or left out.
    """

    first_ms: Mapping[int, float]
    pace: float
    words: int
    errors: int


async def speak(synthesizer: Synthesizer, text: str) -> Speech:
    """Have a text spoken by an engine's default voice."""
    request = SpeechRequest(text=text, voice=synthesizer.info.voices[0])
    began = time.perf_counter()
    chunks, moments = [], []
    async with aclosing(synthesizer.synthesize(request)) as sounds:
        async for chunk in sounds:
            moments.append(time.perf_counter())
            chunks.append(chunk)
    took_s = time.perf_counter() - began
    assert chunks, f"{synthesizer.info.name} said nothing"
    audio = soxr.resample(np.concatenate(chunks), synthesizer.info.rate_hz, LISTENING_RATE_HZ)
    return Speech(text, audio, (moments[0] - began) * 1000, took_s)


async def speak_all(synthesizer: Synthesizer) -> list[Speech]:
    """Have everything spoken that there is to say."""
    await speak(synthesizer, FIVE_WORDS[0])  # the first work of all takes longer
    texts = (*FIVE_WORDS, *TWENTY_WORDS, *QUESTIONS[:QUESTIONS_SPOKEN])
    return [await speak(synthesizer, text) for text in texts]


async def judge(speeches: Sequence[Speech], ears: Transcriber) -> Speaking:
    """Say how quickly speeches were made, and how well a transcriber understands them."""
    errors = 0
    for speech in speeches:
        heard = await transcribe(ears, speech.audio)
        errors += word_errors(normalized(speech.text), normalized(heard))
    short, long = (
        [speech for speech in speeches if speech.text in texts]
        for texts in (FIVE_WORDS, TWENTY_WORDS)
    )
    return Speaking(
        first_ms={
            words: statistics.median(speech.first_ms for speech in some)
            for words, some in ((5, short), (20, long))
        },
        pace=statistics.median(
            speech.took_s * LISTENING_RATE_HZ / len(speech.audio) for speech in long
        ),
        words=sum(len(normalized(speech.text)) for speech in speeches),
        errors=errors,
    )


def speaking_table(done: Mapping[str, Speaking]) -> Table:
    """Say how soon, how quickly and how clearly synthesizers speak."""
    return Table(
        "Speaking",
        "One text at a time on one thread, by the default voice: milliseconds until something can "
        "be heard of five and of twenty words, time to make by time to say (below 1 it keeps "
        f"ahead of the listener), and words that {EARS} understands wrongly, which are its own "
        "mistakes as well.",
        ("synthesizer", "5 words, ms", "20 words, ms", "real-time factor", "wrong words"),
        [
            (
                name,
                one.first_ms[5],
                one.first_ms[20],
                f"{one.pace:.2f}",
                f"{one.errors} of {one.words} ({one.errors / one.words:.1%})",
            )
            for name, one in done.items()
        ],
    )
