"""Features are those that Whisper's models were trained with."""

from __future__ import annotations

import numpy as np
import pytest
from onnx_asr.preprocessors.numpy_preprocessor import WhisperPreprocessorNumpy

from antiphon.engines.ears.mel import HOP_SAMPLES, MEL_BANDS, log_mel
from tests.engines.embedded import SPEECH, speech


def test_they_are_whispers():
    """Every 16th column, as the feature extractor of faster-whisper 1.2.1 computes it."""
    expected = np.load(SPEECH / "amiable.log_mel.npy")
    assert np.allclose(log_mel(speech("amiable"))[:, ::16], expected, atol=1e-5)


@pytest.mark.parametrize("bands", [80, 128])
def test_larger_models_hear_more_bands(bands):
    audio = speech("amiable")
    lengths = np.array([audio.size], np.int64)
    ((expected,), _) = WhisperPreprocessorNumpy(f"whisper{bands}")(audio[np.newaxis], lengths)
    padded = np.pad(audio, (0, 30 * 16_000 - audio.size))
    assert np.allclose(log_mel(padded, bands), expected, atol=1e-4)


def test_there_is_one_column_for_each_ten_milliseconds():
    features = log_mel(np.zeros(8 * 16_000 + HOP_SAMPLES - 1, np.float32))
    assert features.shape == (MEL_BANDS, 800)
    assert features.dtype == np.float32


@pytest.mark.parametrize(("frequency_hz", "band"), [(500, 12), (1000, 26), (4000, 60)])
def test_a_tone_lies_in_its_band(frequency_hz, band):
    at_s = np.arange(16_000) / 16_000
    tone = np.sin(2 * np.pi * frequency_hz * at_s).astype(np.float32)
    assert np.all(np.abs(log_mel(tone).argmax(axis=0)[2:-2] - band) <= 2)


def test_silence_is_finite():
    assert np.allclose(log_mel(np.zeros(16_000, np.float32)), -1.5)
