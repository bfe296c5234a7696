"""The speaker stands out of the background, whatever its level."""

from __future__ import annotations

from math import inf

import numpy as np
import pytest

from antiphon.engines.detectors.foreground import Foreground

HOP = 160


def heard(foreground, *stretches, seed=1):
    """Let stretches of (seconds, dB) be heard; return the share of foreground in each.

    Each hop's power varies as that of noise does.
    """
    rng = np.random.default_rng(seed)
    position, shares = 0, []
    for seconds, level_db in stretches:
        hops = []
        for _ in range(round(seconds * 100)):
            power = 10 ** (level_db / 10) * rng.chisquare(40) / 40
            foreground.hear(position, position + HOP, power)
            hops.append(foreground.within(position, position + HOP))
            position += HOP
        shares.append(float(np.mean(hops)))
    return shares


@pytest.mark.parametrize("background_db", [-80, -50, -30])
def test_what_is_louder_than_the_background_stands_out(background_db):
    foreground = Foreground(margin_db=6)
    *_, before, spoken, after = heard(
        foreground,
        (4, background_db),
        (2, background_db),
        (1, background_db + 10),
        (2, background_db),
    )
    assert before == 0
    assert spoken > 0.95
    assert after < 0.2, "it lasts for a moment, since words have gaps"


def test_what_is_a_little_louder_does_not():
    assert heard(Foreground(margin_db=6), (4, -50), (1, -47))[1] == 0


def test_who_speaks_first_is_heard():
    """In a quiet room, and before anything is known of it."""
    syllables = [(0.3, -30), (0.1, -70)] * 4
    assert min(heard(Foreground(margin_db=6), *syllables)) == 1


def test_a_background_that_becomes_louder_is_noticed():
    shares = heard(Foreground(margin_db=6), (4, -60), (4, -30), (2, -30))
    assert shares[1] > 0.3, "at first it might be the speaker"
    assert shares[2] == 0


def test_somebody_who_speaks_for_long_does_not_become_background():
    syllables = [(0.25, -30), (0.08, -55)] * 60
    shares = heard(Foreground(margin_db=6), (4, -60), *syllables)
    assert min(shares[1:]) > 0.8


def test_without_margin_everything_stands_out():
    assert heard(Foreground(margin_db=-inf), (4, -60), (1, -90)) == [1, 1]


def test_spans_between_hops_are_answered():
    foreground = Foreground(margin_db=-inf)
    foreground.hear(0, HOP, 1.0)
    assert foreground.within(HOP - 1, 5 * HOP)
    assert not foreground.within(HOP, 5 * HOP)
