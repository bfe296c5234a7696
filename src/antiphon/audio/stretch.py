"""Slower or faster speech at the same pitch, for what a synthesizer cannot do by itself.

Waveform-similarity overlap-add (Verhelst and Roelands, ICASSP 1993): the output is put together
from overlapping frames of the input. Each is taken from near where it is due, at the place that
continues the frame before it best, so that periods of the voice fit together.
"""

from __future__ import annotations

import numpy as np

from antiphon.audio.formats import Floats

__all__ = ["TimeStretch"]

_HOP_S = 0.015
"""Half a frame. A frame has to hold two periods of a low voice (70 Hz)."""

_TOLERANCE_S = 0.008
"""How far from its due place a frame may be taken: half a period of a low voice, at least."""


class TimeStretch:
    """Stretches one stream of audio.

    Args:
        factor: Length of the output as a multiple of the input's; over 0. With 1 audio passes
            unchanged.
        rate_hz: Sample rate.
    """

    def __init__(self, factor: float, rate_hz: int) -> None:
        self._factor = factor
        self._hop = round(_HOP_S * rate_hz)
        self._tolerance = round(_TOLERANCE_S * rate_hz)
        ramp = np.arange(self._hop) * (np.pi / 2 / self._hop)
        self._fade_in = (np.sin(ramp) ** 2).astype(np.float32)
        self._held: Floats = np.zeros(0, np.float32)
        self._held_from = 0  # position of the first sample held
        self._taken_from = 0  # position of the frame before
        self._fading: Floats | None = None  # second half of the frame before
        self._frames = 0
        self._emitted = 0

    def push(self, samples: Floats) -> Floats:
        """Return as much output as the input so far allows.

        Args:
            samples: Shape (n,), float32; any length.
        """
        if self._factor == 1:
            return samples
        self._held = np.concatenate([self._held, samples])
        pieces: list[Floats] = []
        while self._needed <= self._held_from + self._held.size:
            pieces.append(self._next_hop())
        stretched = np.concatenate(pieces) if pieces else np.zeros(0, np.float32)
        self._emitted += stretched.size
        return stretched

    def flush(self) -> Floats:
        """Return the rest: in all, the output is as long as the input times the factor."""
        if self._factor == 1:
            return np.zeros(0, np.float32)
        received = self._held_from + self._held.size
        missing = round(received * self._factor) - self._emitted
        frame = 2 * self._hop
        # Whatever is still due lies before the end; what follows it is silence.
        padding = 2 * (frame + self._tolerance) + self._hop
        return self.push(np.zeros(padding + round(frame / self._factor), np.float32))[:missing]

    @property
    def _due(self) -> int:
        """Where the next frame would be taken from, if only its time mattered."""
        return round(self._frames * self._hop / self._factor)

    @property
    def _needed(self) -> int:
        """Up to which position the input has to be there for the next frame."""
        latest = max(self._due + self._tolerance, self._taken_from + self._hop)
        return latest + 2 * self._hop

    def _next_hop(self) -> Floats:
        position = self._due if self._fading is None else self._best_position()
        frame = self._input(position, 2 * self._hop)
        opening = frame[: self._hop]
        if self._fading is not None:
            opening = opening * self._fade_in + self._fading
        self._fading = frame[self._hop :] * (1 - self._fade_in)
        self._taken_from = position
        self._frames += 1
        self._forget()
        return opening

    def _best_position(self) -> int:
        """Return where the input is most like what would follow the frame before."""
        following = self._input(self._taken_from + self._hop, 2 * self._hop)
        first = max(self._due - self._tolerance, self._held_from)
        candidates = self._input(first, self._due + self._tolerance - first + 2 * self._hop)
        likeness = np.correlate(candidates, following, "valid")
        energy = np.convolve(np.square(candidates), np.ones(following.size, np.float32), "valid")
        return first + int((likeness / np.sqrt(np.maximum(energy, 1e-9))).argmax())

    def _input(self, position: int, samples: int) -> Floats:
        start = position - self._held_from
        return self._held[start : start + samples]

    def _forget(self) -> None:
        """Let go of input that no later frame can be taken from."""
        earliest = min(self._due - self._tolerance, self._taken_from + self._hop)
        if earliest > self._held_from:
            self._held = self._held[earliest - self._held_from :]
            self._held_from = earliest
