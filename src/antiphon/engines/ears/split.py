"""Cuts audio that is longer than a transcriber takes at once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from antiphon.engines.base import Floats
from antiphon.engines.hearing import LISTENING_RATE_HZ, SHORTEST_AUDIO_S

__all__ = ["Part", "parts_of"]

_QUIET_WINDOW_S = 0.1


class Part(NamedTuple):
    """A stretch of an utterance.

    Attributes:
        samples: Shape (n,), float32 at 16 kHz.
        start_s: When it begins, in seconds of the utterance.
        end_s: When it ends.
    """

    samples: Floats
    start_s: float
    end_s: float


def parts_of(audio: Floats, longest_s: float) -> Iterator[Part]:
    """Cut audio into parts of at most ``longest_s``, each cut where its last third is quietest.

    What is left may be too short to hold a word (``SHORTEST_AUDIO_S``), and is left out then.

    Args:
        audio: Shape (n,), float32 at 16 kHz.
        longest_s: Seconds that no part exceeds.
    """
    start = 0
    for samples in _cut_where_quiet(audio, longest_s):
        end = start + samples.size
        if samples.size >= SHORTEST_AUDIO_S * LISTENING_RATE_HZ:
            yield Part(samples, start / LISTENING_RATE_HZ, end / LISTENING_RATE_HZ)
        start = end


def _cut_where_quiet(audio: Floats, longest_s: float) -> Iterator[Floats]:
    longest = int(longest_s * LISTENING_RATE_HZ)
    window = int(_QUIET_WINDOW_S * LISTENING_RATE_HZ)
    while audio.size > longest:
        searched = audio[longest * 2 // 3 : longest]
        windows = searched[: searched.size // window * window].reshape(-1, window)
        quietest = int(np.square(windows).sum(axis=1).argmin())
        cut = longest * 2 // 3 + quietest * window + window // 2
        yield audio[:cut]
        audio = audio[cut:]
    yield audio
