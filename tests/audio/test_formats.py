import importlib
import sys

import numpy as np
import pytest

from antiphon.audio.formats import codec_of, to_floats, to_int16s
from antiphon.errors import RequestError
from antiphon.wire.session import PcmaFormat, PcmFormat, PcmuFormat

PCM = codec_of(PcmFormat())
MU_LAW = codec_of(PcmuFormat())
A_LAW = codec_of(PcmaFormat())
EVERY_SAMPLE = np.arange(-32_768, 32_768, dtype=np.int32).astype(np.int16)
EVERY_CODE = bytes(range(256))


def test_rates_and_widths_are_those_of_the_wire():
    assert (PCM.rate_hz, PCM.bytes_per_sample) == (24_000, 2)
    assert (MU_LAW.rate_hz, MU_LAW.bytes_per_sample) == (8_000, 1)
    assert (A_LAW.rate_hz, A_LAW.bytes_per_sample) == (8_000, 1)


def test_pcm_is_little_endian():
    decoded = PCM.decode(b"\x00\x40\x00\xc0")
    assert decoded.dtype == np.float32
    assert decoded.tolist() == [0.5, -0.5]
    assert PCM.encode(decoded) == b"\x00\x40\x00\xc0"


def test_every_pcm_sample_survives_the_round_trip():
    audio = EVERY_SAMPLE.astype("<i2").tobytes()
    assert PCM.encode(PCM.decode(audio)) == audio


@pytest.mark.parametrize("codec", [PCM, MU_LAW, A_LAW])
def test_empty_audio_stays_empty(codec):
    assert codec.decode(b"").shape == (0,)
    assert codec.encode(np.zeros(0, np.float32)) == b""


def test_half_a_pcm_sample_is_refused_with_its_size():
    with pytest.raises(RequestError, match="got 3 bytes") as refusal:
        PCM.decode(b"\x00\x00\x00")
    assert refusal.value.param == "audio"
    assert refusal.value.code == "invalid_value"


@pytest.mark.parametrize("codec", [PCM, MU_LAW, A_LAW])
def test_too_loud_samples_are_clipped_not_wrapped(codec):
    loud = codec.decode(codec.encode(np.array([1.0, 1.5, -1.0, -7.0], np.float32)))
    assert loud[0] == loud[1] > 0.9
    assert loud[2] == loud[3] < -0.9


def test_scaling_is_exact_both_ways():
    assert np.array_equal(to_int16s(to_floats(EVERY_SAMPLE)), EVERY_SAMPLE)
    assert to_int16s(np.array([0.6 / 32_768, 0.4 / 32_768], np.float32)).tolist() == [1, 0]


# Worked values: ITU-T G.711, tables 1 and 2 (decision values and their character signals).
@pytest.mark.parametrize(
    ("codec", "code", "sample"),
    [
        (MU_LAW, 0xFF, 0),
        (MU_LAW, 0x7F, 0),
        (MU_LAW, 0x80, 8_031 * 4),
        (MU_LAW, 0x00, -8_031 * 4),
        (MU_LAW, 0xEF, 33 * 4),
        (A_LAW, 0xD5, 1 * 8),
        (A_LAW, 0x55, -1 * 8),
        (A_LAW, 0xAA, 4_032 * 8),
        (A_LAW, 0x2A, -4_032 * 8),
        (A_LAW, 0xC5, 33 * 8),
    ],
)
def test_g711_codes_have_the_recommended_values(codec, code, sample):
    assert to_int16s(codec.decode(bytes([code]))).tolist() == [sample]


@pytest.mark.parametrize("codec", [MU_LAW, A_LAW])
def test_g711_codes_survive_the_round_trip(codec):
    # Mu-law has two zeros; the negative one (0x7F) comes back as the positive one.
    expected = EVERY_CODE.replace(b"\x7f", b"\xff") if codec is MU_LAW else EVERY_CODE
    assert codec.encode(codec.decode(EVERY_CODE)) == expected


@pytest.mark.parametrize("codec", [MU_LAW, A_LAW])
def test_g711_is_monotonic(codec):
    heard = codec.decode(codec.encode(to_floats(EVERY_SAMPLE)))
    assert np.all(np.diff(heard) >= 0)


@pytest.mark.skipif(sys.version_info >= (3, 13), reason="audioop left Python in 3.13")
@pytest.mark.filterwarnings("ignore:'audioop' is deprecated:DeprecationWarning")
@pytest.mark.parametrize(("law", "codec"), [("ulaw", MU_LAW), ("alaw", A_LAW)])
def test_g711_equals_the_standard_librarys(law, codec):
    audioop = importlib.import_module("audioop")
    encode, decode = getattr(audioop, f"lin2{law}"), getattr(audioop, f"{law}2lin")
    assert codec.encode(to_floats(EVERY_SAMPLE)) == encode(EVERY_SAMPLE.tobytes(), 2)
    assert to_int16s(codec.decode(EVERY_CODE)).tobytes() == decode(EVERY_CODE, 2)
