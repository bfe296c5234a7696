"""How long after the last audible sample does a turn end, if 500 ms of silence are to end it?

Spoken questions in a room that is more or less loud, each at several places within the detector's
frames, through the embedded detector and the rules of turns: as they are, and without the levels of
the frames, by which speech ends where the detector says so::

    python -m bench.trail
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterator
from typing import cast

import click
import numpy as np
import soxr

from antiphon.ask import WIRE_RATE_HZ
from antiphon.audio.formats import Floats
from antiphon.audio.levels import levels_dbfs
from antiphon.core.clock import SAMPLES_PER_MS
from antiphon.core.turns import SpeechStopped, TurnDetector
from antiphon.engines.hearing import LISTENING_RATE_HZ, VoiceDetector
from antiphon.engines.registry import load_engine
from antiphon.wire.audio_config import ServerVad
from bench.common import print_table
from bench.questions import spoken_questions, unbroken_sentences

ROOMS_DBFS = (-80, -54, -45, -35)
"""Levels of white noise. The speech is at -21 dBFS."""

PHASES = 8
"""Places within a frame where speech begins."""

SILENCE_MS = 500
_AROUND_S = 1.0
"""How much of the room there is before the speech, and after it."""


@click.command()
def main() -> None:
    """Measure, and print a table."""
    asyncio.run(_main())


async def _main() -> None:
    sentences = unbroken_sentences(await spoken_questions(16))
    detector = cast("VoiceDetector", await load_engine("voice_detector"))
    rows = []
    for room_dbfs in ROOMS_DBFS:
        recorded = list(_recorded(sentences, room_dbfs, detector.frame_samples))
        judged = [(end, *_judge(detector, audio)) for audio, end in recorded]
        for name, by_level in (("with levels", True), ("without", False)):
            late_ms = [
                _late_ms(end, detector.frame_samples, probabilities, levels if by_level else None)
                for end, probabilities, levels in judged
            ]
            quantiles = np.nanpercentile(late_ms, [5, 25, 50, 75, 95])
            rows.append((room_dbfs, name, *quantiles, sum(map(math.isnan, late_ms))))
    await detector.aclose()
    print(f"ms from the last audible sample to the end of the turn; {SILENCE_MS} ms of silence\n")
    print_table(("room dBFS", "", "p5", "p25", "p50", "p75", "p95", "never ended"), rows)


def _recorded(
    sentences: list[Floats], room_dbfs: float, frame_samples: int
) -> Iterator[tuple[Floats, int]]:
    """Yield recordings at 16 kHz, whole frames, and where the last audible sample of each is."""
    dice = np.random.default_rng(0)
    around = round(_AROUND_S * LISTENING_RATE_HZ)
    for sentence in sentences:
        speech = soxr.resample(sentence, WIRE_RATE_HZ, LISTENING_RATE_HZ)
        for phase in range(0, frame_samples, frame_samples // PHASES):
            audio = np.pad(speech, (around + phase, around))
            audio = audio + dice.normal(0, 10 ** (room_dbfs / 20), len(audio))
            whole = len(audio) // frame_samples * frame_samples
            yield audio[:whole].astype(np.float32), around + phase + len(speech)


def _judge(detector: VoiceDetector, audio: Floats) -> tuple[list[float], list[float]]:
    """Return the probability of speech in each frame, and its level in dBFS."""
    frames = audio.reshape(-1, detector.frame_samples)
    states = [detector.initial_state()]
    probabilities = []
    for frame in frames:
        (probability,), states = detector.step(frame[np.newaxis], states)
        probabilities.append(float(probability))
    return probabilities, levels_dbfs(frames)


def _late_ms(
    end: int, frame_samples: int, probabilities: list[float], levels: list[float] | None
) -> float:
    """Return how long after ``end`` the turn ended; not a number if it did not."""
    turns = TurnDetector(ServerVad(silence_duration_ms=SILENCE_MS))
    for number, probability in enumerate(probabilities):
        level = levels[number] if levels is not None else None
        start = number * frame_samples
        change = turns.step(start, start + frame_samples, probability, level)
        if isinstance(change, SpeechStopped):
            return (change.end - end) / SAMPLES_PER_MS
    return math.nan


if __name__ == "__main__":
    main()
