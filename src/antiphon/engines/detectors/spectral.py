"""Noise reduction by spectral suppression, and by knowing who is near.

Each 10 ms a frame of 20 ms is taken apart into frequencies. The noise in each is followed by the
speech presence probability (Gerkmann and Hendriks, IEEE Transactions on Audio, Speech and Language
Processing 20(4), 2012), which needs no pauses to learn from. Wiener's gain, with the *decision-
directed* estimate of the signal-to-noise ratio (Ephraim and Malah, IEEE Transactions on Acoustics,
Speech and Signal Processing 32(6), 1984), then takes it down, but only so far: what recognizers
suffer from most is not noise but speech that was taken for it.

Voices in the background stay audible, and are left to :mod:`antiphon.engines.detectors.foreground`.
"""

from __future__ import annotations

from math import inf
from typing import Final

import numpy as np

from antiphon.engines.base import EngineInfo, EngineSettings, Floats, closed_error
from antiphon.engines.detectors.foreground import HOP_MS, Foreground
from antiphon.engines.hearing import LISTENING_RATE_HZ, MicrophoneDistance

__all__ = ["SpectralDenoiser", "SpectralStream", "create"]

HOP_SAMPLES: Final = HOP_MS * LISTENING_RATE_HZ // 1000
FRAME_SAMPLES: Final = 2 * HOP_SAMPLES

SUPPRESSION_DB: Final[dict[MicrophoneDistance, float]] = {"near_field": 6.0, "far_field": 10.0}
"""How far noise is taken down, at strength 1. A microphone on the table hears more of the room.
More makes speech pleasant to people, and harder to recognize."""

MARGIN_DB: Final[dict[MicrophoneDistance, float]] = {"near_field": 6.0, "far_field": 5.0}
"""How far the speaker stands out of the background, at strength 1. A headset's microphone is so
near that more can be asked."""

MAX_STRENGTH: Final = 2.0

SPEECH_BAND: Final = slice(
    200 * FRAME_SAMPLES // LISTENING_RATE_HZ, 4000 * FRAME_SAMPLES // LISTENING_RATE_HZ
)
"""Frequencies that the foreground is judged by: 200 Hz to 4 kHz."""

LEAST_NOISE: Final = np.float32(1e-8)
"""Power of a frequency in a frame that holds nothing but the rounding of 16-bit samples."""

# Of the noise estimate; the first three as published.
PRESENT_SNR: Final = np.float32(10 ** (15 / 10))
PRESENCE_SMOOTHING: Final = np.float32(0.9)
LASTING_PRESENCE: Final = np.float32(0.99)
STUCK_PRESENCE: Final = np.float32(0.9)
"""Published is 0.99, which with the slower smoothing below would take 4 s to learn the noise."""

NOISE_SMOOTHING: Final = np.float32(0.95)
"""200 ms. Published is 0.8 at 16 ms, which follows voices in the background so closely that it
takes the speaker's for them: amid eight voices 10 dB below, 31 % of the words were misheard when
noise was taken down by 10 dB, and 25 % with this."""

DECISION_SMOOTHING: Final = np.float32(0.98)

# Applied before and after; its squares, half a frame apart, add up to 1.
_WINDOW = np.sin(np.pi * (np.arange(FRAME_SAMPLES) + 0.5) / FRAME_SAMPLES).astype(np.float32)
_FREQUENCIES = FRAME_SAMPLES // 2 + 1


class _WienerFilter:
    """Gains for one stream's spectra.

    Args:
        suppression_db: How far noise is taken down at most.
    """

    def __init__(self, suppression_db: float) -> None:
        self._least_gain = np.float32(10 ** (-suppression_db / 20))
        self._noise = np.full(_FREQUENCIES, LEAST_NOISE)
        self._presence = np.zeros(_FREQUENCIES, np.float32)
        self._clean = np.zeros(_FREQUENCIES, np.float32)

    def gains(self, power: Floats) -> Floats:
        """How much of each frequency to keep, ``10 ** (-suppression_db / 20)`` to 1."""
        self._follow_noise(power)
        heard_snr = power / self._noise
        snr = DECISION_SMOOTHING * self._clean / self._noise
        snr += (1 - DECISION_SMOOTHING) * np.maximum(heard_snr - 1, 0)
        wiener: Floats = snr / (1 + snr)
        self._clean = np.square(wiener) * power
        return np.maximum(wiener, self._least_gain)

    def _follow_noise(self, power: Floats) -> None:
        exponent = power / self._noise * (PRESENT_SNR / (1 + PRESENT_SNR))
        present = 1 / (1 + (1 + PRESENT_SNR) * np.exp(-exponent))
        self._presence += (1 - PRESENCE_SMOOTHING) * (present - self._presence)
        # What has been present all along is no speech: the noise has become louder.
        stuck = self._presence > LASTING_PRESENCE
        present = np.where(stuck, STUCK_PRESENCE, present)
        self._noise += (1 - NOISE_SMOOTHING) * (1 - present) * (power - self._noise)
        np.maximum(self._noise, LEAST_NOISE, out=self._noise)


class SpectralStream:
    """One session's audio; see ``DenoisingStream``. Opened by :class:`SpectralDenoiser`.

    Args:
        suppression_db: How far noise is taken down at most.
        margin_db: How far the speaker stands out of the background.
    """

    delay_samples = FRAME_SAMPLES - 1

    def __init__(self, suppression_db: float, margin_db: float) -> None:
        self._filter = _WienerFilter(suppression_db)
        self._foreground = Foreground(margin_db)
        self._ended_at = 0
        self._begin()

    def push(self, audio: Floats) -> Floats:
        """Clean the stream's next samples; see ``DenoisingStream.push``."""
        self._ended_at += len(audio)
        return self._run(audio)

    def flush(self) -> Floats:
        """Give out what is held back; see ``DenoisingStream.flush``."""
        held_samples = len(self._pending) - self._silence_samples
        silence = np.zeros(FRAME_SAMPLES, np.float32)
        rest = self._run(silence)[:held_samples]
        self._begin()
        return rest

    def in_foreground(self, start: int, end: int) -> bool:
        """Whether somebody near speaks in a span; see ``DenoisingStream.in_foreground``."""
        return self._foreground.within(start, end)

    def _begin(self) -> None:
        """Go on as if after silence."""
        self._pending = np.zeros(HOP_SAMPLES, np.float32)  # what no whole frame has been made of
        self._overlap = np.zeros(HOP_SAMPLES, np.float32)  # second half of the last frame
        self._position = self._ended_at - HOP_SAMPLES  # of the first pending sample
        self._silence_samples = HOP_SAMPLES  # how much of what comes out next was never put in

    def _run(self, audio: Floats) -> Floats:
        pending = np.concatenate([self._pending, audio])
        hops = [
            self._clean(pending[start : start + FRAME_SAMPLES])
            for start in range(0, len(pending) - FRAME_SAMPLES + 1, HOP_SAMPLES)
        ]
        self._pending = pending[len(hops) * HOP_SAMPLES :]
        if not hops:
            return np.zeros(0, np.float32)
        cleaned = np.concatenate(hops)[self._silence_samples :]
        self._silence_samples = 0
        return cleaned

    def _clean(self, frame: Floats) -> Floats:
        """Take one frame; return the hop that is complete with it."""
        spectrum = np.fft.rfft(frame * _WINDOW)
        power = np.square(spectrum.real) + np.square(spectrum.imag)
        gains = self._filter.gains(power)
        end = self._position + HOP_SAMPLES
        self._foreground.hear(self._position, end, float(power[SPEECH_BAND].mean()))
        self._position = end
        cleaned = np.fft.irfft(spectrum * gains).astype(np.float32, copy=False) * _WINDOW
        hop: Floats = self._overlap + cleaned[:HOP_SAMPLES]
        self._overlap = cleaned[HOP_SAMPLES:]
        return hop


class SpectralDenoiser:
    """Opens streams. It has no weights and shares nothing between them."""

    def __init__(self, info: EngineInfo) -> None:
        self.info = info
        self._closed = False

    def open(self, distance: MicrophoneDistance, strength: float) -> SpectralStream:
        """Begin a stream; see ``Denoiser.open``.

        Raises:
            EngineError: The denoiser was closed.
        """
        if self._closed:
            raise closed_error(self.info.name, "detect")
        strength = min(max(strength, 0.0), MAX_STRENGTH)
        margin_db = strength * MARGIN_DB[distance] if strength else -inf
        return SpectralStream(strength * SUPPRESSION_DB[distance], margin_db)

    async def aclose(self) -> None:
        """Open no more streams. May be called twice."""
        self._closed = True


def create(settings: EngineSettings) -> SpectralDenoiser:
    """Build it; it needs no files and computes on the calling thread."""
    info = EngineInfo(name=settings.name, role="denoiser", rate_hz=LISTENING_RATE_HZ)
    return SpectralDenoiser(info)
