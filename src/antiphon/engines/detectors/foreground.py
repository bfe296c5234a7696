"""Tells the speaker's voice from voices in the background, by how loud it is.

A voice detector hears speech in babble, a television or the next table, and a turn that began with
these never ends. What sets the speaker apart is level: the microphone is nearer to one mouth than
to any other. So the level of the background is followed, and whatever stands out of it is the
foreground.

The level is followed as noise usually is, by *minimum statistics* (Martin, IEEE Transactions on
Speech and Audio Processing 9(5), 2001). Nobody speaks for two seconds without a gap, so the
quietest moment of the last two seconds belongs to the background, even while somebody speaks. While
nobody does, the mean of what is heard is more exact than the minimum.
"""

from __future__ import annotations

import math
from collections import deque
from typing import Final

__all__ = ["HOP_MS", "Foreground"]

HOP_MS: Final = 10
"""What one step judges."""

SMOOTHING: Final = 0.8
"""Of the power, from hop to hop: 45 ms. A knock is over before it stands out."""

MEAN_S: Final = 1.0
"""Time constant with which the background's mean is followed."""

BLOCK_HOPS: Final = 25
BLOCKS: Final = 8
"""The minimum is taken over this many blocks: 2 s, longer than a breath group's longest sound."""

MEAN_TO_MINIMUM: Final = 1.5
"""How far (2 dB) the mean of a background lies above its minimum. Steady noise has 1 dB, eight
voices have 6; their mean is found as soon as they fall behind once."""

HYSTERESIS: Final = 0.5
"""What stands out goes on doing so until it is 3 dB below what made it stand out."""

HANGOVER_HOPS: Final = 30
"""Words have gaps: the foreground lasts 300 ms beyond its last loud moment."""

MAX_SPANS: Final = 4096
"""Foreground that nobody asks about is forgotten in the end."""


class Foreground:
    """Follows one stream.

    Until two seconds are known everything is foreground: nobody is overheard for speaking first.

    Args:
        margin_db: How far above the background's mean level the foreground begins; ``-inf`` makes
            everything foreground.
    """

    def __init__(self, margin_db: float) -> None:
        self._margin = 10 ** (margin_db / 10)
        self._power = 0.0
        self._background = 0.0
        self._block_minima: deque[float] = deque(maxlen=BLOCKS)
        self._block_minimum = math.inf
        self._block_hops = 0
        self._hangover_hops = 0
        self._spans: deque[tuple[int, int]] = deque(maxlen=MAX_SPANS)

    def hear(self, start: int, end: int, power: float) -> None:
        """Judge the next hop.

        Args:
            start: Position of its first sample.
            end: Position after its last sample.
            power: Its mean power in the band of speech, in any unit.
        """
        self._power += (1 - SMOOTHING) * (power - self._power)
        self._follow_minimum()
        last_hop_was = self._hangover_hops > 0
        threshold = self._background * self._margin
        if self._power >= threshold * (HYSTERESIS if last_hop_was else 1):
            self._hangover_hops = HANGOVER_HOPS
        else:
            self._hangover_hops = max(0, self._hangover_hops - 1)
        if self._hangover_hops:
            self._background = max(self._background, self._minimum() * MEAN_TO_MINIMUM)
            self._extend(start, end)
        else:
            self._background += HOP_MS / 1000 / MEAN_S * (power - self._background)

    def within(self, start: int, end: int) -> bool:
        """Whether any of a span is foreground. What lies before ``start`` is forgotten."""
        while self._spans and self._spans[0][1] <= start:
            self._spans.popleft()
        return bool(self._spans) and self._spans[0][0] < end

    def _follow_minimum(self) -> None:
        self._block_minimum = min(self._block_minimum, self._power)
        self._block_hops += 1
        if self._block_hops == BLOCK_HOPS:
            self._block_minima.append(self._block_minimum)
            self._block_minimum = math.inf
            self._block_hops = 0

    def _minimum(self) -> float:
        """The least power of the last 2 s; 0 until so much has been heard."""
        return min(self._block_minima) if len(self._block_minima) == BLOCKS else 0.0

    def _extend(self, start: int, end: int) -> None:
        if self._spans and start <= self._spans[-1][1]:
            start = self._spans.pop()[0]
        self._spans.append((start, end))
