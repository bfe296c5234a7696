"""Audio that is kept small."""

import numpy as np
import pytest

from antiphon.audio.formats import codec_of
from antiphon.audio.lossless import pack, unpack
from antiphon.wire.audio_config import PcmFormat
from tests.support.sound import speech


@pytest.mark.parametrize("length", [1, 15, 4096, 100_001])
@pytest.mark.parametrize("rate_hz", [8_000, 16_000, 24_000])
def test_every_sample_comes_back(length: int, rate_hz: int):
    samples = np.random.default_rng(length).integers(-32_768, 32_767, length, np.int16, True)
    unpacked, unpacked_rate_hz = unpack(pack(samples, rate_hz))
    assert np.array_equal(unpacked, samples)
    assert unpacked_rate_hz == rate_hz


def test_of_nothing_there_is_a_file_that_is_silent():
    samples, rate_hz = unpack(pack(np.zeros(0, np.int16), 8_000))
    assert samples.tolist() == [0]
    assert rate_hz == 8_000


def test_speech_takes_little_more_than_half():
    samples = np.frombuffer(speech(5_000), np.int16)
    assert len(pack(samples, 24_000)) < 0.65 * samples.nbytes


def test_noise_takes_no_more_than_it_did():
    codec = codec_of(PcmFormat())
    noise = np.random.default_rng(0).uniform(-1, 1, codec.rate_hz).astype(np.float32)
    samples = np.frombuffer(codec.encode(noise), np.int16)
    assert len(pack(samples, codec.rate_hz)) < 1.01 * samples.nbytes
