"""The embedded voice detector."""

from __future__ import annotations

import numpy as np
import pytest

from antiphon.engines import conformance
from antiphon.engines.detectors import silero
from antiphon.errors import EngineError
from tests.engines.embedded import settings_of, speech


class TestConformance(conformance.VoiceDetectorConformance):
    @classmethod
    def create(cls):
        return silero.create(settings_of("voice_detector"))


@pytest.fixture(scope="module")
def detector():
    return silero.create(settings_of("voice_detector"))


def probabilities_of(detector, audio):
    state, judged = detector.initial_state(), []
    for start in range(0, audio.size - 511, 512):
        (probability,), (state,) = detector.step(audio[np.newaxis, start : start + 512], [state])
        judged.append(float(probability))
    return np.array(judged)


def test_speech_is_told_from_silence(detector):
    silence = np.zeros(16_000, np.float32)
    judged = probabilities_of(detector, np.concatenate([silence, speech("amiable")]))
    assert judged[:30].max() < 0.1
    assert np.mean(judged[33:] > 0.5) > 0.7


def test_it_hears_on_where_it_was(detector):
    """The state carries what the detector has heard; without it, the same frame sounds new."""
    audio = speech("amiable")
    in_one_go = probabilities_of(detector, audio)
    afresh = [
        float(detector.step(f[np.newaxis], [detector.initial_state()])[0][0])
        for f in audio[: audio.size // 512 * 512].reshape(-1, 512)
    ]
    assert not np.allclose(in_one_go, afresh, atol=0.1)


def test_a_session_keeps_no_other_sessions_state_in_memory(detector):
    _, states = detector.step(np.zeros((3, 512), np.float32), [detector.initial_state()] * 3)
    assert all(state.base is None for state in states)


def test_frames_of_another_length_are_refused(detector):
    with pytest.raises(EngineError, match=r"must have shape \(1, 512\), not \(1, 480\)"):
        detector.step(np.zeros((1, 480), np.float32), [detector.initial_state()])
