"""Making up for lost G.711, which has no means of its own.

What was heard last is repeated by whole periods of the voice, so that no buzz arises, and fades
out: the method of ITU-T G.711, appendix I, without the delay that its overlaps cost.
"""

from __future__ import annotations

import numpy as np

from antiphon.engines.base import Floats

__all__ = ["Concealment"]

_MIN_PERIOD_S, _MAX_PERIOD_S = 0.005, 0.015  # voices from 66 to 200 Hz, as in the appendix
_COMPARED_S = 0.02
_HOLD_S, _FADED_S = 0.01, 0.06
"""The repeated voice is as loud as before for so long, and silent after so long."""


class Concealment:
    """Remembers the end of a stream, to go on from there.

    Args:
        rate_hz: The stream's sample rate.
    """

    def __init__(self, rate_hz: int) -> None:
        self._rate_hz = rate_hz
        self._min_period = round(_MIN_PERIOD_S * rate_hz)
        self._max_period = round(_MAX_PERIOD_S * rate_hz)
        self._compared = round(_COMPARED_S * rate_hz)
        self._end = np.zeros(self._compared + self._max_period, np.float32)
        self._made_up_samples = 0

    def remember(self, samples: Floats) -> None:
        """Take what was heard: shape (n,), float32."""
        self._end = np.concatenate([self._end, samples])[-len(self._end) :]
        self._made_up_samples = 0

    def conceal(self, samples: int) -> Floats:
        """Go on in place of what was lost: shape (samples,), float32."""
        period = self._end[-self._period() :]
        offsets = self._made_up_samples + np.arange(samples)
        repeated = period[offsets % len(period)]
        self._made_up_samples += samples
        after_hold_s = offsets / self._rate_hz - _HOLD_S
        loudness = np.clip(1 - after_hold_s / (_FADED_S - _HOLD_S), 0, 1)
        return (repeated * loudness).astype(np.float32)

    def _period(self) -> int:
        """Return the samples after which the end of the stream repeats itself best."""
        last = self._end[-self._compared :]
        periods = range(self._min_period, self._max_period + 1)
        likeness = []
        for period in periods:
            earlier = self._end[-self._compared - period : -period]
            energy = float(np.dot(earlier, earlier))
            likeness.append(float(np.dot(last, earlier)) / np.sqrt(energy + 1e-9))
        return periods[int(np.argmax(likeness))]
