"""What engines that hear take for it, and how well transcribers do it; for ``bench/engines.py``."""

from __future__ import annotations

import statistics
import time
from collections.abc import Mapping, Sequence
from contextlib import aclosing

import numpy as np
from msgspec import Struct

from antiphon.engines.base import Floats
from antiphon.engines.hearing import (
    LISTENING_RATE_HZ,
    Denoiser,
    Transcriber,
    Transcript,
    TranscriptionRequest,
    TurnPredictor,
    VoiceDetector,
)
from bench.clips import Clip, joined
from bench.common import Table
from bench.words import normalized, word_errors

__all__ = [
    "Sensing",
    "Transcribing",
    "measure_denoiser",
    "measure_detector",
    "measure_predictor",
    "measure_transcriber",
    "sensing_table",
    "transcribe",
    "transcribing_table",
]

DURATIONS_S = (2, 5, 10)
DENOISED_S = 10
FRAMES = 200
REPEATS = 5


class Transcribing(Struct, frozen=True, tag=True):
    """What a transcriber did.

    Attributes:
        times_ms: How long it took for utterances of so many seconds; only those that it takes.
        words: How many words each speaker said.
        errors: How many of them were heard wrongly, added or left out.
    """

    times_ms: Mapping[int, float]
    words: Mapping[str, int]
    errors: Mapping[str, int]


class Sensing(Struct, frozen=True, tag=True):
    """What an engine that hears no words did.

    Attributes:
        what: What it was given.
        time_ms: How long it took.
    """

    what: str
    time_ms: float


async def measure_transcriber(transcriber: Transcriber, utterances: Sequence[Clip]) -> Transcribing:
    """Time a transcriber, and compare what it hears with what is said."""
    longest_s = transcriber.info.max_audio_s or float("inf")
    times_ms = {
        duration_s: await _time_ms(transcriber, joined(utterances, duration_s))
        for duration_s in DURATIONS_S
        if duration_s <= longest_s
    }
    words: dict[str, int] = {}
    errors: dict[str, int] = {}
    for utterance in utterances:
        said, wrong = await _compare(transcriber, utterance)
        words[utterance.speaker] = words.get(utterance.speaker, 0) + said
        errors[utterance.speaker] = errors.get(utterance.speaker, 0) + wrong
    return Transcribing(times_ms, words, errors)


def measure_detector(detector: VoiceDetector, utterances: Sequence[Clip]) -> Sensing:
    """Time the judgement of one frame of one session."""
    frame = joined(utterances, 2)[np.newaxis, : detector.frame_samples]
    states: Sequence[Floats] = [detector.initial_state()]
    times_ms = []
    for _ in range(FRAMES):
        began = time.perf_counter()
        _, states = detector.step(frame, states)
        times_ms.append((time.perf_counter() - began) * 1000)
    frame_ms = detector.frame_samples * 1000 // LISTENING_RATE_HZ
    return Sensing(f"a frame of {frame_ms} ms of one session", statistics.median(times_ms))


async def measure_predictor(predictor: TurnPredictor, utterances: Sequence[Clip]) -> Sensing:
    """Time the judgement of a pause."""
    turn = joined(utterances, 5)
    times_ms = []
    for _ in range(REPEATS + 1):
        began = time.perf_counter()
        await predictor.predict(turn)
        times_ms.append((time.perf_counter() - began) * 1000)
    return Sensing("a pause after 5 s", statistics.median(times_ms[1:]))


def measure_denoiser(denoiser: Denoiser, utterances: Sequence[Clip]) -> Sensing:
    """Time the cleaning of speech, 20 ms at once as in a session."""
    sound = joined(utterances, DENOISED_S)
    stream = denoiser.open("near_field", 1.0)
    chunk_samples = LISTENING_RATE_HZ // 50
    began = time.perf_counter()
    for start in range(0, len(sound), chunk_samples):
        stream.push(sound[start : start + chunk_samples])
    return Sensing("a second of sound", (time.perf_counter() - began) * 1000 / DENOISED_S)


async def transcribe(transcriber: Transcriber, audio: Floats) -> str:
    """Return what a transcriber hears: shape (n,), float32 at 16 kHz."""
    async with aclosing(transcriber.transcribe(audio, TranscriptionRequest())) as events:
        return [event.text async for event in events if isinstance(event, Transcript)][-1]


def transcribing_table(done: Mapping[str, Transcribing]) -> Table:
    """Say how quickly and how well transcribers hear."""
    speakers = next(iter(done.values())).words
    return Table(
        "Hearing",
        "One utterance at a time on one thread: milliseconds for 2, 5 and 10 s of English speech, "
        "and words that are wrong, of those that were spoken. The person reads a novel; Piper asks "
        "questions; Kokoro says everyday sentences with five voices.",
        ("transcriber", *(f"{s} s" for s in DURATIONS_S), *speakers, "all"),
        [(name, *_row(one)) for name, one in done.items()],
    )


def sensing_table(done: Mapping[str, Sensing]) -> Table:
    """Say how long the smaller engines take."""
    return Table(
        "Detecting",
        "What goes on while somebody speaks, on one thread.",
        ("engine", "given", "ms"),
        [(name, one.what, f"{one.time_ms:.2f}") for name, one in done.items()],
    )


def _row(done: Transcribing) -> list[str]:
    times = [f"{done.times_ms[s]:.0f}" if s in done.times_ms else "" for s in DURATIONS_S]
    wrong = [f"{done.errors[speaker]} of {said}" for speaker, said in done.words.items()]
    rate = sum(done.errors.values()) / sum(done.words.values())
    return [*times, *wrong, f"{rate:.1%}"]


async def _time_ms(transcriber: Transcriber, audio: Floats) -> float:
    times_ms = []
    for _ in range(REPEATS + 1):
        began = time.perf_counter()
        await transcribe(transcriber, audio)
        times_ms.append((time.perf_counter() - began) * 1000)
    return statistics.median(times_ms[1:])  # the first one also makes room


async def _compare(transcriber: Transcriber, utterance: Clip) -> tuple[int, int]:
    """Return how many words are said, and how many are heard wrongly."""
    said = normalized(utterance.text)
    heard = normalized(await transcribe(transcriber, utterance.samples))
    return len(said), word_errors(said, heard)
