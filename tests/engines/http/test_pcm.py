"""Samples arrive whole, however the network cuts them."""

from __future__ import annotations

import io
import wave

import numpy as np
import pytest

from antiphon.engines.http.pcm import PcmReader

SAMPLES = np.array([0, 1, -1, 32_767, -32_768, 1000, 8], "<i2")
FLOATS = SAMPLES.astype(np.float32) / 32_768


def wav(rate_hz=24_000, channels=1, sample_bytes=2):
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setframerate(rate_hz)
        writer.setnchannels(channels)
        writer.setsampwidth(sample_bytes)
        writer.writeframes(SAMPLES.tobytes()[: len(SAMPLES) // channels * channels * sample_bytes])
    return file.getvalue()


def read(data: bytes, piece_bytes: int):
    reader = PcmReader(24_000)
    pieces = [data[at : at + piece_bytes] for at in range(0, len(data), piece_bytes)]
    return np.concatenate([reader.push(piece) for piece in pieces])


@pytest.mark.parametrize("piece_bytes", [1, 2, 3, 7, 1000])
@pytest.mark.parametrize("data", [SAMPLES.tobytes(), wav()], ids=["pcm", "wav"])
def test_pieces_of_any_length(data, piece_bytes):
    assert np.array_equal(read(data, piece_bytes), FLOATS)


def test_other_chunks_of_a_wav_file_are_left_out():
    note = b"LIST" + (3).to_bytes(4, "little") + b"abc\0"
    data = wav()
    assert np.array_equal(read(data[:36] + note + data[36:], 5), FLOATS)


def test_a_wav_file_whose_length_is_not_known_yet():
    """Servers that stream write the largest number there is."""
    data = bytearray(wav())
    data[40:44] = b"\xff\xff\xff\xff"
    assert np.array_equal(read(bytes(data), 1000), FLOATS)


def test_another_rate_is_refused_and_named():
    with pytest.raises(ValueError, match="audio at 22050 Hz; set the option rate_hz"):
        PcmReader(24_000).push(wav(22_050))


@pytest.mark.parametrize("data", [wav(channels=2), wav(sample_bytes=1)])
def test_samples_that_cannot_be_read_are_refused(data):
    with pytest.raises(ValueError, match="need PCM16 mono"):
        PcmReader(24_000).push(data)
