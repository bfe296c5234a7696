"""Audio that is kept small."""

import numpy as np
import pytest

from antiphon.audio.formats import codec_of
from antiphon.audio.lossless import pack, unpack
from antiphon.wire.audio_config import PcmFormat
from tests.support.sound import speech


@pytest.mark.parametrize("length", [0, 1, 15, 4096, 100_001])
def test_every_sample_comes_back(length: int):
    samples = np.random.default_rng(length).integers(-32_768, 32_767, length, np.int16, True)
    assert np.array_equal(unpack(pack(samples)), samples)


def test_speech_takes_little_more_than_half():
    samples = np.frombuffer(speech(5_000), np.int16)
    packed = pack(samples)
    assert len(packed) < 0.65 * samples.nbytes
    assert np.array_equal(unpack(packed), samples)


def test_noise_takes_no_more_than_it_did():
    codec = codec_of(PcmFormat())
    noise = np.random.default_rng(0).uniform(-1, 1, codec.rate_hz).astype(np.float32)
    samples = np.frombuffer(codec.encode(noise), np.int16)
    assert len(pack(samples)) < 1.01 * samples.nbytes
