"""The silence that synthesizers begin with."""

from __future__ import annotations

import numpy as np

from antiphon.engines.base import Floats

__all__ = ["AUDIBLE", "LEAD_IN_MS", "without_lead_in"]

AUDIBLE = 0.005
"""Amplitude (-46 dBFS) below which the beginning of speech counts as silence."""

LEAD_IN_MS = 10
"""Silence that is left before the first sound, so that it is not cut into."""


def without_lead_in(audio: Floats, rate_hz: int) -> Floats:
    """Return the audio without the silence it begins with, which the listener would only wait for.

    Args:
        audio: Shape (n,); returned as it is if there is no sound in it.
        rate_hz: Its sample rate.
    """
    audible = np.flatnonzero(np.abs(audio) > AUDIBLE)
    if not audible.size:
        return audio
    return audio[max(0, int(audible[0]) - LEAD_IN_MS * rate_hz // 1000) :]
