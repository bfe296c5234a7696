"""Whisper's log-mel features, in NumPy.

Models built on Whisper's encoder hear a picture of the sound: 80 bands of the mel scale (128 since
large-v3), every 10 ms, on a logarithmic scale. The numbers must be those that the model was trained
with, so everything here is as in openai/whisper (``whisper/audio.py``: ``log_mel_spectrogram``) and
the ``WhisperFeatureExtractor`` of Hugging Face: frames of 25 ms under a periodic Hann window,
centred with reflected ends, and triangular filters on Slaney's mel scale, each of unit area.
"""

from __future__ import annotations

from functools import cache
from typing import Final, NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from antiphon.engines.base import Floats
from antiphon.engines.hearing import LISTENING_RATE_HZ

__all__ = ["HOP_SAMPLES", "MEL_BANDS", "log_mel"]

FRAME_SAMPLES: Final = 400
HOP_SAMPLES: Final = 160
"""One column of features for each: 10 ms at 16 kHz."""

MEL_BANDS: Final = 80
POWER_FLOOR: Final = 1e-10
DYNAMIC_RANGE: Final = 8.0
"""Powers of ten below the loudest value, at which quieter ones are cut off."""

# Slaney's mel scale (Auditory Toolbox, 1998): linear up to 1 kHz, logarithmic above.
_LINEAR_HZ_PER_MEL = 200 / 3
_LOGARITHMIC_FROM_HZ = 1000.0
_LOGARITHMIC_FROM_MEL = _LOGARITHMIC_FROM_HZ / _LINEAR_HZ_PER_MEL
_LOG_STEP_PER_MEL = np.log(6.4) / 27


class _Filters(NamedTuple):
    """Triangular filters without their zeros.

    Nearly all weights are zero, and only the others are summed up. A product of matrices takes 3 ms
    less on idle cores, but wakes the threads of the linear algebra library, which on busy cores
    wait for each other: 8 s of audio then take 20 ms instead of 11.

    Attributes:
        bins: Which frequency each weight is for.
        weights: The weights, band by band.
        starts: Where each band's weights begin.
    """

    bins: NDArray[np.intp]
    weights: Floats
    starts: NDArray[np.intp]


def log_mel(audio: Floats, bands: int = MEL_BANDS) -> Floats:
    """Picture a sound.

    Args:
        audio: Shape (n,), float32 at 16 kHz; n has to exceed half a frame, 200 samples.
        bands: How many bands the model was trained with.

    Returns:
        Shape (bands, n // 160), float32, roughly -1 … 2: lowest band first.
    """
    half = FRAME_SAMPLES // 2
    centred = np.pad(audio, half, mode="reflect")
    frames = sliding_window_view(centred, FRAME_SAMPLES)[::HOP_SAMPLES]
    frames = frames[: len(audio) // HOP_SAMPLES]  # Whisper leaves out the last one
    spectra = np.fft.rfft(frames * _WINDOW, axis=1)
    powers = np.square(spectra.real) + np.square(spectra.imag)
    filters = _filters(bands)
    loudness = np.add.reduceat(powers[:, filters.bins] * filters.weights, filters.starts, axis=1)
    logarithms = np.log10(np.maximum(loudness, np.float32(POWER_FLOOR))).T
    features: Floats = (np.maximum(logarithms, logarithms.max() - DYNAMIC_RANGE) + 4) / 4
    return features


def _mels_to_hz(mels: NDArray[np.float64]) -> NDArray[np.float64]:
    linear = mels * _LINEAR_HZ_PER_MEL
    exponents = _LOG_STEP_PER_MEL * (mels - _LOGARITHMIC_FROM_MEL)
    return np.where(mels < _LOGARITHMIC_FROM_MEL, linear, _LOGARITHMIC_FROM_HZ * np.exp(exponents))


@cache
def _filters(bands: int) -> _Filters:
    weights = _triangular_filters(bands).T
    band, bins = np.nonzero(weights)
    return _Filters(bins, weights[band, bins], np.searchsorted(band, np.arange(bands)))


def _triangular_filters(bands: int) -> Floats:
    """The weight of each frequency in each band, shape (201, bands)."""
    highest_hz = LISTENING_RATE_HZ / 2
    highest_mel = (
        _LOGARITHMIC_FROM_MEL + np.log(highest_hz / _LOGARITHMIC_FROM_HZ) / _LOG_STEP_PER_MEL
    )
    corners_hz = _mels_to_hz(np.linspace(0, highest_mel, bands + 2))
    lower, middle, upper = corners_hz[:-2], corners_hz[1:-1], corners_hz[2:]
    frequencies_hz = np.linspace(0, highest_hz, FRAME_SAMPLES // 2 + 1)[:, np.newaxis]
    rising = (frequencies_hz - lower) / (middle - lower)
    falling = (upper - frequencies_hz) / (upper - middle)
    unit_area = 2 / (upper - lower)
    return (np.maximum(0, np.minimum(rising, falling)) * unit_area).astype(np.float32)


_WINDOW = np.hanning(FRAME_SAMPLES + 1)[:-1].astype(np.float32)
