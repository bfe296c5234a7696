"""Cuts audio that is longer than a transcriber takes at once."""

from __future__ import annotations

import numpy as np

from antiphon.engines.base import Floats
from antiphon.engines.hearing import LISTENING_RATE_HZ

__all__ = ["split_at_quiet"]

_QUIET_WINDOW_S = 0.1


def split_at_quiet(audio: Floats, longest_s: float) -> list[Floats]:
    """Cut audio into parts of at most ``longest_s``, each cut where its last third is quietest.

    Args:
        audio: Shape (n,), float32 at 16 kHz.
        longest_s: Seconds that no part exceeds.
    """
    longest = int(longest_s * LISTENING_RATE_HZ)
    window = int(_QUIET_WINDOW_S * LISTENING_RATE_HZ)
    parts: list[Floats] = []
    while audio.size > longest:
        searched = audio[longest * 2 // 3 : longest]
        windows = searched[: searched.size // window * window].reshape(-1, window)
        quietest = int(np.square(windows).sum(axis=1).argmin())
        cut = longest * 2 // 3 + quietest * window + window // 2
        parts.append(audio[:cut])
        audio = audio[cut:]
    return [*parts, audio]
