"""Slower and faster audio at the same pitch."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.audio.stretch import TimeStretch

RATE_HZ = 16_000


def tone(seconds: float, frequency_hz: float = 110.0) -> np.ndarray:
    at = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    return (0.4 * np.sin(2 * np.pi * frequency_hz * at)).astype(np.float32)


def stretched(audio: np.ndarray, factor: float, chunk_samples: int = 320) -> np.ndarray:
    stretch = TimeStretch(factor, RATE_HZ)
    starts = range(0, audio.size, chunk_samples)
    pieces = [stretch.push(audio[start : start + chunk_samples]) for start in starts]
    return np.concatenate([*pieces, stretch.flush()])


@pytest.mark.parametrize("factor", [0.5, 2 / 3, 1.3, 2.0, 4.0])
def test_a_tone_gets_longer_or_shorter_and_stays_the_same(factor):
    audio = stretched(tone(1.5), factor)
    assert audio.size == round(1.5 * RATE_HZ * factor)
    spectrum = np.abs(np.fft.rfft(audio * np.hanning(audio.size)))
    assert spectrum.argmax() * RATE_HZ / audio.size == pytest.approx(110, abs=1)
    assert np.abs(audio).max() <= 0.41
    steepest = np.abs(np.diff(tone(1.5))).max()
    assert np.abs(np.diff(audio[: -RATE_HZ // 10])).max() < 1.2 * steepest, "there is a click"


def test_loud_and_quiet_keep_their_places():
    audio = np.concatenate([tone(0.5), np.zeros(RATE_HZ // 2, np.float32), tone(0.5)])
    slow = stretched(audio, 2.0)
    loud = [np.abs(slow[start : start + RATE_HZ // 2]).max() > 0.3 for start in (4000, 20_000)]
    assert loud == [True, False]
    assert np.abs(slow[36_000:46_000]).max() > 0.3


def test_nothing_is_changed_by_the_factor_one():
    audio = tone(0.3)
    assert np.array_equal(stretched(audio, 1.0), audio)


@given(
    factor=st.floats(0.4, 4.0),
    samples=st.integers(0, 6000),
    chunk_samples=st.integers(1, 3000),
)
def test_the_length_is_exact_and_chunks_do_not_matter(factor, samples, chunk_samples):
    audio = np.random.default_rng(samples).normal(0, 0.1, samples).astype(np.float32)
    whole = stretched(audio, factor, chunk_samples=max(samples, 1))
    assert whole.size == (samples if factor == 1 else round(samples * factor))
    assert np.allclose(stretched(audio, factor, chunk_samples), whole, atol=1e-5)
