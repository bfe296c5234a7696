"""Noises to hear speech in, the same every time."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import soxr

from antiphon.engines.base import Floats
from antiphon.engines.hearing import LISTENING_RATE_HZ

__all__ = ["NOISES", "active_rms"]

SEED = 7
MAINS_HZ = 50
LEVEL_WINDOW_SAMPLES = LISTENING_RATE_HZ // 50


def active_rms(speech: Floats) -> float:
    """Return the root mean square of the parts of speech within 20 dB of its loudest 20 ms."""
    whole = len(speech) // LEVEL_WINDOW_SAMPLES * LEVEL_WINDOW_SAMPLES
    powers = np.square(speech[:whole]).reshape(-1, LEVEL_WINDOW_SAMPLES).mean(axis=1)
    return float(np.sqrt(powers[powers > powers.max() / 100].mean()))


def _white(samples: int, _: Sequence[Floats]) -> Floats:
    return _unit(np.random.default_rng(SEED).normal(size=samples))


def _pink(samples: int, _: Sequence[Floats]) -> Floats:
    """Traffic, wind, ventilation: as much power in each octave."""
    spectrum = np.fft.rfft(np.random.default_rng(SEED).normal(size=samples))
    return _unit(np.fft.irfft(spectrum / np.sqrt(np.arange(len(spectrum)) + 1), samples))


def _hum(samples: int, _: Sequence[Floats]) -> Floats:
    """Mains and their harmonics."""
    at_s = np.arange(samples) / LISTENING_RATE_HZ
    harmonics = range(1, 12)
    return _unit(
        sum(
            (np.sin(2 * np.pi * MAINS_HZ * k * at_s + k) / k for k in harmonics),
            start=np.zeros(samples),
        )
    )


def _keys(samples: int, _: Sequence[Floats]) -> Floats:
    """Somebody types: bursts of noise that die away within 20 ms, five a second."""
    rng = np.random.default_rng(SEED)
    struck = rng.random(samples) < 5 / LISTENING_RATE_HZ
    decay = np.exp(-np.arange(800) / 120)
    envelope = np.convolve(struck * rng.uniform(0.3, 1, samples), decay)[:samples]
    return _unit(envelope * rng.normal(size=samples))


def _babble(talkers: int) -> Callable[[int, Sequence[Floats]], Floats]:
    def make(samples: int, speeches: Sequence[Floats]) -> Floats:
        """Several people talk without pause, each with a voice and a pace of their own."""
        rng = np.random.default_rng(SEED)
        noise = np.zeros(samples)
        for _ in range(talkers):
            end = int(rng.integers(LISTENING_RATE_HZ))
            while end < samples:
                speech = speeches[int(rng.integers(len(speeches)))]
                pace = rng.uniform(0.8, 1.3)
                voice = soxr.resample(speech, LISTENING_RATE_HZ * pace, LISTENING_RATE_HZ)
                voice = voice[: samples - end]
                noise[end : end + len(voice)] += voice
                end += len(voice) + int(rng.integers(LISTENING_RATE_HZ // 2))
        return _unit(noise)

    return make


def _unit(noise: np.ndarray[tuple[int], np.dtype[np.float64]]) -> Floats:
    """Scale to a root mean square of 1."""
    scaled: Floats = (noise / np.sqrt(np.mean(np.square(noise)))).astype(np.float32)
    return scaled


NOISES: Mapping[str, Callable[[int, Sequence[Floats]], Floats]] = {
    "white": _white,
    "pink": _pink,
    "hum": _hum,
    "keys": _keys,
    "8 voices": _babble(8),
    "2 voices": _babble(2),
}
"""Each makes so many samples of noise, float32 at 16 kHz with a root mean square of 1; babble is
made of the speech given."""
