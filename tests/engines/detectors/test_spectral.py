"""The built-in denoiser: what it takes out, and what it leaves in."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from antiphon.engines.base import EngineSettings
from antiphon.engines.conformance import DenoiserConformance
from antiphon.engines.detectors import spectral
from tests.engines.embedded import speech

RATE_HZ = 16_000


def create():
    return spectral.create(EngineSettings(name="spectral"))


class TestConformance(DenoiserConformance):
    @classmethod
    def create(cls):
        return create()


def white(seconds, rms=0.01):
    samples = round(seconds * RATE_HZ)
    return (rms * np.random.default_rng(3).normal(size=samples)).astype(np.float32)


def cleaned(audio, distance="near_field", strength=1.0):
    stream = create().open(distance, strength)
    return np.concatenate([stream.push(audio), stream.flush()]), stream


def level_db(audio):
    return 10 * np.log10(np.mean(np.square(audio)))


@pytest.mark.parametrize(
    ("distance", "strength", "suppressed_db"),
    [
        ("near_field", 1.0, 6),
        ("far_field", 1.0, 10),
        ("far_field", 0.5, 5),
        ("near_field", 9.0, 12),
    ],
)
def test_steady_noise_is_taken_down(distance, strength, suppressed_db):
    noise = white(6)
    out, _ = cleaned(noise, distance, strength)
    taken_db = level_db(noise[3 * RATE_HZ :]) - level_db(out[3 * RATE_HZ :])
    assert taken_db == pytest.approx(suppressed_db, abs=1)


def test_clean_speech_stays_what_it_is():
    clip = speech("selfish")
    out, stream = cleaned(clip, "far_field")
    loud = np.abs(clip) > 0.02
    assert level_db(out[loud] - clip[loud]) < level_db(clip[loud]) - 15
    assert stream.in_foreground(0, len(clip))


def test_speech_stands_out_of_noise_more_than_before():
    clip = speech("selfish")
    noise = white(4 + len(clip) / RATE_HZ)[: 4 * RATE_HZ + len(clip)]
    noisy = noise.copy()
    noisy[4 * RATE_HZ :] += clip
    out, _ = cleaned(noisy, "far_field")
    pause, spoken = slice(3 * RATE_HZ, 4 * RATE_HZ), slice(4 * RATE_HZ, None)
    before_db = level_db(noisy[spoken]) - level_db(noisy[pause])
    after_db = level_db(out[spoken]) - level_db(out[pause])
    assert after_db > before_db + 6


def test_samples_stay_where_they_were():
    """A click comes out at the very sample where it went in."""
    audio = np.zeros(RATE_HZ, np.float32)
    audio[7_777] = 0.5
    out, _ = cleaned(audio)
    assert np.abs(out).argmax() == 7_777


def test_a_voice_that_is_far_away_is_background_and_one_that_is_near_is_not():
    far = np.resize(speech("respectable"), 8 * RATE_HZ)
    for shift in (17_000, 41_000, 63_000, 90_000, 111_000):
        far = far + np.roll(far, shift) * 0.8
    near = speech("amiable")
    audio = far / np.sqrt(np.mean(np.square(far))) * 0.01
    audio[6 * RATE_HZ :][: len(near)] += 2 * near[: 2 * RATE_HZ]
    _, stream = cleaned(audio.astype(np.float32))
    hops = [stream.in_foreground(at, at + 160) for at in range(0, len(audio), 160)]
    assert np.mean(hops[350:590]) < 0.15
    assert np.mean(hops[615:700]) > 0.7


@settings(max_examples=30, deadline=None)
@given(cuts=st.lists(st.integers(0, 12_000), max_size=20), flushed_at=st.integers(0, 12_000))
def test_what_comes_out_depends_on_the_audio_and_on_flushes_alone(cuts, flushed_at):
    audio = white(12_000 / RATE_HZ)

    def run(boundaries):
        stream, out = create().open("near_field", 1.0), []
        edges = sorted({0, flushed_at, 12_000, *boundaries})
        for start, end in pairwise(edges):
            if start == flushed_at:
                out.append(stream.flush())
            out.append(stream.push(audio[start:end]))
        return np.concatenate([*out, stream.flush()])

    whole = run([])
    assert len(whole) == len(audio)
    assert np.array_equal(run(cuts), whole)
