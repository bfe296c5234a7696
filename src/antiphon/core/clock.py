"""The input audio clock: positions are samples at 16 kHz since the session began.

Wire formats have other rates; the runtime converts before it tells. One rate for all positions
keeps spans exact: 16 samples are one millisecond, so every whole millisecond is a position.
"""

from __future__ import annotations

from msgspec import Struct

__all__ = ["INPUT_CLOCK_HZ", "SAMPLES_PER_MS", "Span"]

INPUT_CLOCK_HZ = 16_000
SAMPLES_PER_MS = INPUT_CLOCK_HZ // 1000


class Span(Struct, frozen=True):
    """Input audio from ``start`` up to, not including, ``end``.

    Attributes:
        start: First sample on the input audio clock.
        end: Position after the last sample.
    """

    start: int
    end: int

    @property
    def duration_ms(self) -> float:
        """How long it is, in milliseconds."""
        return (self.end - self.start) / SAMPLES_PER_MS
