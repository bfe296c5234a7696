"""Long audio is cut between words, where it can be."""

from __future__ import annotations

import numpy as np

from antiphon.engines.ears.split import split_at_quiet


def test_long_audio_is_cut_where_it_is_quiet():
    audio = np.ones(16_000 * 5, np.float32)
    audio[int(1.75 * 16_000) : int(1.9 * 16_000)] = 0
    first, *rest = split_at_quiet(audio, 2.0)
    assert 1.75 * 16_000 <= first.size <= 1.9 * 16_000
    assert all(part.size <= 2 * 16_000 for part in rest)
    assert np.array_equal(np.concatenate([first, *rest]), audio)


def test_audio_within_the_limit_is_not_cut():
    (part,) = split_at_quiet(np.ones(16_000, np.float32), 1.0)
    assert part.size == 16_000
