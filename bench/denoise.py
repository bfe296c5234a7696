"""Does noise reduction help a session to hear when it is spoken to?

Spoken questions lie in noise, with pauses between them. Every combination of noise, level and kind
of noise reduction is heard by the voice detector and turned into turns as in a session, with the
default settings of ``server_vad``. The table says

* false: turns that began in a pause, a minute of pauses;
* busy: how much of the pauses counted as somebody's turn (from a second after a question);
* missed: questions during which no turn was under way;
* wrong: words of the questions that the transcriber hears wrongly;
* load: processor time of the noise reduction, in thousandths of one core::

    python -m bench.denoise --count 12
"""

from __future__ import annotations

import asyncio
import time
from contextlib import aclosing
from dataclasses import dataclass
from typing import cast

import click
import numpy as np
import soxr

from antiphon.ask import WIRE_RATE_HZ
from antiphon.core.clock import Span
from antiphon.core.turns import SpeechStarted, TurnDetector
from antiphon.engines.base import Floats
from antiphon.engines.hearing import (
    LISTENING_RATE_HZ,
    Denoiser,
    MicrophoneDistance,
    Transcriber,
    Transcript,
    TranscriptionRequest,
    VoiceDetector,
)
from antiphon.engines.registry import load_engine
from antiphon.wire.session import ServerVad
from bench.common import load_average, print_table
from bench.noises import NOISES, active_rms
from bench.questions import Recording, spoken_questions
from bench.words import normalized, word_errors

PAUSE_SAMPLES = 4 * LISTENING_RATE_HZ
SPEECH_RMS = 0.05  # -26 dBFS, ITU-T P.56's usual level of speech
ECHO_SAMPLES = LISTENING_RATE_HZ  # of a pause, in which a turn may still come to its end
CHUNK_SAMPLES = LISTENING_RATE_HZ // 50
AROUND_SAMPLES = LISTENING_RATE_HZ * 3 // 10  # of a question, that the transcriber hears with it
KINDS: tuple[MicrophoneDistance | None, ...] = (None, "near_field", "far_field")


@dataclass(frozen=True)
class Scene:
    """Questions with pauses between them.

    Attributes:
        questions: What is asked.
        spans: Where each is asked.
        audio: Shape (n,), float32 at 16 kHz, without noise.
    """

    questions: list[Recording]
    spans: list[Span]
    audio: Floats

    @property
    def pauses_min(self) -> float:
        """Return how long nobody speaks, in minutes."""
        spoken = sum(span.end - span.start for span in self.spans)
        return (len(self.audio) - spoken) / LISTENING_RATE_HZ / 60


@dataclass(frozen=True)
class Engines:
    """What a scene is heard with."""

    denoiser: Denoiser
    detector: VoiceDetector
    transcriber: Transcriber


@click.command()
@click.option("--count", default=12, show_default=True, help="How many questions.")
@click.option("--snr", "snrs_db", multiple=True, type=int, default=(5, 10, 15), show_default=True)
def main(*, count: int, snrs_db: tuple[int, ...]) -> None:
    """Compare turns with and without noise reduction, in several noises."""
    asyncio.run(_compare(count, snrs_db))


async def _compare(count: int, snrs_db: tuple[int, ...]) -> None:
    scene = _scene(await spoken_questions(count))
    engines = Engines(
        cast("Denoiser", await load_engine("denoiser")),
        cast("VoiceDetector", await load_engine("voice_detector")),
        cast("Transcriber", await load_engine("transcriber")),
    )
    others = [_at_listening_rate(one) for one in (await spoken_questions(count + 18))[count:]]
    rows: list[tuple[object, ...]] = []
    for name, make in NOISES.items():
        noise = make(len(scene.audio), others)
        for snr_db in snrs_db:
            noisy = scene.audio + noise * np.float32(SPEECH_RMS * 10 ** (-snr_db / 20))
            for kind in KINDS:
                figures = await _hear(scene, noisy, engines, kind)
                rows.append((f"{name} {snr_db} dB", kind or "off", *figures))
    print(f"{count} questions, {scene.pauses_min:.1f} minutes of pauses; {load_average()}\n")
    print_table(
        ("noise", "reduction", "false/min", "busy %", "missed %", "wrong %", "load ‰"), rows
    )
    await engines.transcriber.aclose()


def _scene(questions: list[Recording]) -> Scene:
    pieces: list[Floats] = [np.zeros(PAUSE_SAMPLES, np.float32)]
    spans: list[Span] = []
    position = PAUSE_SAMPLES
    for question in questions:
        speech = _at_listening_rate(question)
        spans.append(Span(position, position + len(speech)))
        position += len(speech) + PAUSE_SAMPLES
        pieces += [speech, np.zeros(PAUSE_SAMPLES, np.float32)]
    return Scene(questions, spans, np.concatenate(pieces))


def _at_listening_rate(recording: Recording) -> Floats:
    speech = soxr.resample(recording.samples, WIRE_RATE_HZ, LISTENING_RATE_HZ)
    scaled: Floats = speech * np.float32(SPEECH_RMS / active_rms(speech))
    return scaled


async def _hear(
    scene: Scene, noisy: Floats, engines: Engines, kind: MicrophoneDistance | None
) -> tuple[str, float, float, float, str]:
    stream = engines.denoiser.open(kind or "near_field", 1.0 if kind else 0.0)
    began_s = time.process_time()
    chunks = [
        stream.push(noisy[start : start + CHUNK_SAMPLES])
        for start in range(0, len(noisy), CHUNK_SAMPLES)
    ]
    cleaned = np.concatenate([*chunks, stream.flush()]) if kind else noisy
    load = (time.process_time() - began_s) / (len(noisy) / LISTENING_RATE_HZ)

    turns, state = TurnDetector(ServerVad()), engines.detector.initial_state()
    frame_samples = engines.detector.frame_samples
    starts: list[int] = []
    speaking = np.zeros(len(noisy), bool)
    for start in range(0, len(noisy) - frame_samples + 1, frame_samples):
        end = start + frame_samples
        (probability,), (state,) = engines.detector.step(cleaned[np.newaxis, start:end], [state])
        near = stream.in_foreground(start, end)
        if isinstance(turns.step(start, end, float(probability) if near else 0.0), SpeechStarted):
            starts.append(start)
        speaking[start:end] = turns.speaking

    paused = np.ones(len(noisy), bool)
    resting = np.ones(len(noisy), bool)
    for span in scene.spans:
        paused[span.start : span.end] = False
        resting[span.start : span.end + ECHO_SAMPLES] = False
    false = sum(bool(paused[start]) for start in starts) / scene.pauses_min
    missed = np.mean([not speaking[span.start : span.end].any() for span in scene.spans])
    wrong = await _wrong(scene, cleaned, engines.transcriber)
    return (
        f"{false:.1f}",
        100 * float(speaking[resting].mean()),
        100 * float(missed),
        100 * wrong,
        f"{1000 * load:.1f}" if kind else "0",
    )


async def _wrong(scene: Scene, audio: Floats, transcriber: Transcriber) -> float:
    words = errors = 0
    for question, span in zip(scene.questions, scene.spans, strict=True):
        heard = audio[span.start - AROUND_SAMPLES : span.end + AROUND_SAMPLES]
        async with aclosing(transcriber.transcribe(heard, TranscriptionRequest())) as events:
            texts = [event.text async for event in events if isinstance(event, Transcript)]
        said = normalized(question.text)
        words += len(said)
        errors += word_errors(said, normalized(texts[-1]))
    return errors / words


if __name__ == "__main__":
    main()
