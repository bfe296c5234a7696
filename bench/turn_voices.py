"""Speech for the set of turns: 16 voices, ten of which speak in the exam and nowhere else.

What was spoken once is kept under ``ANTIPHON_HOME/bench/turns``. Piper never says a sentence twice
in the same way, so a set that is built anew is not the same to the sample.
"""

from __future__ import annotations

import hashlib
from contextlib import aclosing
from pathlib import Path
from typing import cast

import numpy as np
import soxr

from antiphon.audio.formats import Floats, to_floats, to_int16s
from antiphon.engines.hearing import (
    LISTENING_RATE_HZ,
    Transcriber,
    Transcript,
    TranscriptionRequest,
)
from antiphon.engines.registry import load_engine
from antiphon.engines.speaking import SpeechRequest, Synthesizer
from antiphon.engines.weights.store import default_home
from bench.words import normalized, word_errors

__all__ = [
    "EXAM_VOICES",
    "FIRST_VOICES",
    "SECOND_VOICES",
    "Studio",
    "audible",
    "cache_folder",
]

PIPER_VOICE = "joe"
FIRST_VOICES = (PIPER_VOICE, "af_heart", "am_michael")
SECOND_VOICES = ("af_bella", "am_fenrir", "bf_emma")
EXAM_VOICES = (
    *("af_sarah", "am_puck", "bf_isabella", "bm_george", "af_nova"),
    *("am_adam", "bf_alice", "am_eric", "af_kore", "bm_fable"),
)

AUDIBLE = 0.02
"""Share of the peak (-34 dB) above which a sample counts as speech."""

WINDOW_SAMPLES = LISTENING_RATE_HZ // 50
GAP_SEARCH_S = 0.4
"""How far from where the letters say it is a gap between words is searched."""

GAP_CANDIDATES = 5


class Studio:
    """Speaks texts, and cuts speech between words. Engines are loaded when they are needed."""

    def __init__(self) -> None:
        self._synthesizers: dict[str, Synthesizer] = {}
        self._transcriber: Transcriber | None = None

    async def speak(self, text: str, voice: str, speed: float) -> Floats:
        """Return a text's speech without the silence around it: shape (n,), float32 at 16 kHz."""
        path = cache_folder() / f"{_digest(text, voice, speed)}.npy"
        if path.exists():
            return to_floats(np.load(path))
        if voice == PIPER_VOICE:
            speech, rate_hz = await self._speak_by("piper-en-us-joe", text, voice, speed * 0.8)
        else:
            speech, rate_hz = await self._speak_by("kokoro-82m", text, voice, speed)
        resampled = soxr.resample(speech, rate_hz, LISTENING_RATE_HZ)
        start, end = audible(resampled)
        samples = to_int16s(resampled[start:end] / np.abs(resampled).max() * 0.9)
        np.save(path, samples)
        return to_floats(samples)

    async def cut(self, speech: Floats, texts: list[str]) -> list[Floats]:
        """Cut speech into the pieces that say ``texts``.

        Each cut is at one of the quietest places near where the share of the letters says the gap
        is: at the one where the recognizer hears best what it should on either side.

        Args:
            speech: Shape (n,), float32 at 16 kHz.
            texts: What is said in it, in pieces.
        """
        path = cache_folder() / f"{_digest(speech.tobytes().hex(), *texts)}.npy"
        if not path.exists():
            cuts = []
            for index in range(1, len(texts)):
                before, after = " ".join(texts[:index]), " ".join(texts[index:])
                cuts.append(await self._gap(speech, before, after))
            np.save(path, cuts)
        return np.split(speech, np.load(path))

    async def transcribe(self, audio: Floats) -> str:
        """Return what the embedded transcriber hears: shape (n,), float32 at 16 kHz."""
        if self._transcriber is None:
            self._transcriber = cast("Transcriber", await load_engine("transcriber"))
        stream = self._transcriber.transcribe(audio, TranscriptionRequest())
        async with aclosing(stream) as events:
            return [event.text async for event in events if isinstance(event, Transcript)][-1]

    async def aclose(self) -> None:
        """Free the engines."""
        for synthesizer in self._synthesizers.values():
            await synthesizer.aclose()
        if self._transcriber is not None:
            await self._transcriber.aclose()

    async def _speak_by(
        self, engine: str, text: str, voice: str, speed: float
    ) -> tuple[Floats, int]:
        if engine not in self._synthesizers:
            loaded = await load_engine("synthesizer", engine)
            self._synthesizers[engine] = cast("Synthesizer", loaded)
        synthesizer = self._synthesizers[engine]
        request = SpeechRequest(text=text, voice=voice, speed=speed)
        async with aclosing(synthesizer.synthesize(request)) as chunks:
            return np.concatenate([chunk async for chunk in chunks]), synthesizer.info.rate_hz

    async def _gap(self, speech: Floats, before: str, after: str) -> int:
        expected = round(len(speech) * len(before) / (len(before) + len(after)))
        gaps = _quiet_places(speech, expected)
        errors = [
            word_errors(normalized(before), normalized(await self.transcribe(speech[:gap])))
            + word_errors(normalized(after), normalized(await self.transcribe(speech[gap:])))
            for gap in gaps
        ]
        return gaps[int(np.argmin(errors))]


def audible(speech: Floats) -> tuple[int, int]:
    """Return the positions of the first audible sample and after the last."""
    loud = np.flatnonzero(np.abs(speech) > AUDIBLE * np.abs(speech).max())
    return int(loud[0]), int(loud[-1]) + 1


def cache_folder() -> Path:
    """Return the folder in which speech and evidence are kept; it exists."""
    folder = default_home() / "bench" / "turns"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _quiet_places(speech: Floats, expected: int) -> list[int]:
    """Return local minima of the energy around a position, quietest first."""
    reach = int(GAP_SEARCH_S * LISTENING_RATE_HZ)
    start = max(0, expected - reach)
    searched = speech[start : expected + reach]
    windows = searched[: len(searched) // WINDOW_SAMPLES * WINDOW_SAMPLES]
    energy = np.square(windows.reshape(-1, WINDOW_SAMPLES)).sum(axis=1)
    padded = np.pad(energy, 1, constant_values=np.inf)
    minima = np.flatnonzero((energy <= padded[:-2]) & (energy <= padded[2:]))
    quietest = minima[np.argsort(energy[minima], kind="stable")][:GAP_CANDIDATES]
    return [start + int(index) * WINDOW_SAMPLES + WINDOW_SAMPLES // 2 for index in quietest]


def _digest(*parts: object) -> str:
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]
