"""Long audio is cut between words, where it can be."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from antiphon.engines.ears.split import parts_of


def test_long_audio_is_cut_where_it_is_quiet():
    audio = np.ones(16_000 * 5, np.float32)
    audio[int(1.75 * 16_000) : int(1.9 * 16_000)] = 0
    first, *rest = parts_of(audio, 2.0)
    assert 1.75 <= first.end_s <= 1.9
    assert all(part.samples.size <= 2 * 16_000 for part in rest)
    assert np.array_equal(np.concatenate([part.samples for part in (first, *rest)]), audio)


def test_audio_within_the_limit_is_not_cut():
    (part,) = parts_of(np.ones(16_000, np.float32), 1.0)
    assert part.samples.size == 16_000


def test_parts_say_when_they_are():
    parts = [*parts_of(np.ones(16_000 * 5, np.float32), 2.0)]
    assert parts[0].start_s == 0
    assert parts[-1].end_s == 5
    for part, following in pairwise(parts):
        assert part.end_s == following.start_s
    for part in parts:
        assert round((part.end_s - part.start_s) * 16_000) == part.samples.size


def test_what_holds_no_word_is_left_out():
    assert [*parts_of(np.ones(1_599, np.float32), 2.0)] == []
    (part,) = parts_of(np.ones(1_600, np.float32), 2.0)
    assert part.end_s == 0.1
