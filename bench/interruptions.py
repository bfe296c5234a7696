"""Sounds that are heard while an answer plays: some are speech, most are not.

All are made here, from a seed. The coughs are bursts of noise in the shape of a vocal tract, since
recordings of real ones cannot be had freely; they are harder to tell from speech than a click, and
easier than a real cough.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from antiphon.ask import WIRE_RATE_HZ
from antiphon.audio.formats import Floats

__all__ = ["Sound", "disturbances"]

Kind = Literal["cough", "click", "knock", "noise"]

Doubles = NDArray[np.float64]

_FORMANTS_HZ = (700.0, 1200.0, 2600.0)
_BANDWIDTHS_HZ = (150.0, 200.0, 300.0)


@dataclass(frozen=True)
class Sound:
    """Something that is not speech.

    Attributes:
        kind: What it is.
        samples: Shape (n,), mono float32 at 24 kHz.
    """

    kind: Kind
    samples: Floats


def disturbances(each: int, seed: int = 1) -> list[Sound]:
    """Return so many sounds of each kind, at levels between quiet and as loud as speech."""
    random = np.random.default_rng(seed)
    makers = {"cough": _cough, "click": _click, "knock": _knock, "noise": _noise}
    return [
        Sound(kind, (make(random) * random.uniform(0.1, 0.5)).astype(np.float32))  # type: ignore[arg-type]  # the keys above
        for kind, make in makers.items()
        for _ in range(each)
    ]


def _cough(random: np.random.Generator) -> Doubles:
    """A burst of 150 to 350 ms: sharp onset, formants, then breath."""
    count = _samples(random.uniform(150, 350))
    burst = _normal(random, count) * np.exp(-np.arange(count) / (0.3 * count))
    formants = [
        _resonate(burst, centre * random.uniform(0.9, 1.1), width)
        for centre, width in zip(_FORMANTS_HZ, _BANDWIDTHS_HZ, strict=True)
    ]
    return _to_full_scale(np.sum(formants, axis=0))


def _click(random: np.random.Generator) -> Doubles:
    """A key or a switch: two impulses within 5 to 30 ms."""
    count = _samples(40)
    sound = _normal(random, count) * 0.01
    second = _samples(random.uniform(5, 30))
    for start in (0, second):
        length = min(_samples(3), count - start)
        sound[start : start + length] += _normal(random, length) * np.exp(-np.arange(length) / 15)
    return _to_full_scale(sound)


def _knock(random: np.random.Generator) -> Doubles:
    """A knock on the table: a low tone that dies away within 80 ms."""
    count = _samples(120)
    seconds = np.arange(count) / WIRE_RATE_HZ
    tone = np.sin(2 * np.pi * random.uniform(80, 250) * seconds)
    return _to_full_scale(tone * np.exp(-seconds / 0.02) + _normal(random, count) * 0.005)


def _noise(random: np.random.Generator) -> Doubles:
    """80 ms of white noise."""
    return _to_full_scale(_normal(random, _samples(80)))


def _resonate(sound: Doubles, centre_hz: float, width_hz: float) -> Doubles:
    """Shape the spectrum with one resonance."""
    spectrum = np.fft.rfft(sound)
    frequencies = np.fft.rfftfreq(len(sound), 1 / WIRE_RATE_HZ)
    return np.fft.irfft(spectrum / (1 + ((frequencies - centre_hz) / width_hz) ** 2), len(sound))


def _normal(random: np.random.Generator, count: int) -> Doubles:
    return random.standard_normal(count)


def _to_full_scale(sound: Doubles) -> Doubles:
    peak: float = np.abs(sound).max()
    return sound / peak


def _samples(duration_ms: float) -> int:
    return round(duration_ms * WIRE_RATE_HZ / 1000)
