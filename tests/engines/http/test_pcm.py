"""Samples arrive whole, however the network cuts them."""

from __future__ import annotations

import io
import tracemalloc
import wave

import numpy as np
import pytest

from antiphon.engines.http.pcm import PcmReader, UnusableSoundError

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


@pytest.mark.parametrize("piece_bytes", [1, 1000])
def test_what_follows_the_samples_of_a_wav_file_is_left_out(piece_bytes):
    note = b"LIST" + (3).to_bytes(4, "little") + b"abc\0"
    assert np.array_equal(read(wav() + note + b"id3 ", piece_bytes), FLOATS)


def test_one_wav_file_after_the_other():
    assert np.array_equal(read(wav() + wav(), 5), np.concatenate([FLOATS, FLOATS]))


def test_half_a_sample_at_the_end_of_a_wav_file():
    data = bytearray(wav() + b"\1\0")
    data[40] += 1
    assert np.array_equal(read(bytes(data), 5), FLOATS)


def test_a_wav_file_without_samples_holds_nothing_back():
    reader = PcmReader(24_000)
    reader.push(b"RIFF\xff\xff\xff\xffWAVELIST\xff\xff\xff\x7f")
    tracemalloc.start()
    for _ in range(100):
        assert not reader.push(bytes(100_000)).size
    held_bytes, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert held_bytes < 1_000_000


@pytest.mark.parametrize("size", [b"\xff\xff\xff\xff", b"\0\0\0\0"])
def test_a_wav_file_whose_length_is_not_known_yet(size):
    """Servers that stream write the largest number there is, or none."""
    data = bytearray(wav())
    data[40:44] = size
    assert np.array_equal(read(bytes(data), 1000), FLOATS)


def test_another_rate_is_refused_and_named():
    with pytest.raises(ValueError, match="audio at 22050 Hz; set the option rate_hz"):
        PcmReader(24_000).push(wav(22_050))


@pytest.mark.parametrize("data", [wav(channels=2), wav(sample_bytes=1)])
def test_samples_that_cannot_be_read_are_refused(data):
    with pytest.raises(ValueError, match="need PCM16 mono"):
        PcmReader(24_000).push(data)


@pytest.mark.parametrize("piece_bytes", [1, 1000])
@pytest.mark.parametrize(
    ("data", "named"),
    [
        (b"ID3\4\0\0\0\0\0\0", "MP3"),
        (b"\xff\xfb\x90\0" + bytes(100), "MP3"),
        (b"OggS\0\2", "Ogg"),
        (b"fLaC\0\0\0\x22", "FLAC"),
        (b'{"error":{"message":"no such voice"}}', "text"),
        ('{"detail":"未知的声音"}'.encode(), "text"),
        (b"<!DOCTYPE html>\n<html>", "text"),
        (b"Internal Server Error", "text"),
    ],
)
def test_what_is_no_pcm_is_refused_by_how_it_begins(data, named, piece_bytes):
    with pytest.raises(UnusableSoundError, match=f"^{named}"):
        read(data, piece_bytes)


@pytest.mark.parametrize("content_type", ["", "audio/pcm", "application/octet-stream"])
@pytest.mark.parametrize(
    "samples",
    [
        [0x227B, 120, 7, 30] * 3,  # {"
        [0x3C3C, 0x3D3D, 0x4141, -1] * 3,  # <<==
        [-1025, -1100, -1090, -1080] * 3,  # the first two bytes of MP3
        [100] * 4,
    ],
)
def test_samples_that_only_look_like_something_else_are_heard(samples, content_type):
    data = np.array(samples, "<i2").tobytes()
    heard = PcmReader(24_000, content_type).push(data)
    assert np.array_equal(heard, np.array(samples, np.float32) / 32_768)


@pytest.mark.parametrize(
    "content_type",
    [
        *("text/html; charset=utf-8", "text/event-stream", "application/json", "audio/mpeg"),
        *("Audio/OGG", "audio/flac", "audio/aac"),
    ],
)
def test_what_is_called_something_else_is_refused(content_type):
    with pytest.raises(UnusableSoundError, match=f"^{content_type.split(';')[0].lower()}"):
        PcmReader(24_000, content_type).push(SAMPLES.tobytes())


@pytest.mark.parametrize("content_type", ["audio/wav", "text/html", "audio/L16; rate=8000"])
def test_a_wav_file_is_one_whatever_it_is_called(content_type):
    assert np.array_equal(PcmReader(24_000, content_type).push(wav()), FLOATS)


@pytest.mark.parametrize(
    ("content_type", "told"),
    [
        ("audio/pcm; rate=16000", "audio at 16000 Hz; set the option rate_hz, which is 24000"),
        ('audio/L16;rate="24000";channels=2', "audio of 2 channels; need mono"),
    ],
)
def test_a_content_type_tells_of_other_samples(content_type, told):
    with pytest.raises(UnusableSoundError, match=told):
        PcmReader(24_000, content_type).push(SAMPLES.tobytes())


@pytest.mark.parametrize("content_type", ["audio/L16;codec=pcm;rate=24000", "audio/pcm;rate=?"])
def test_a_content_type_tells_of_the_same(content_type):
    assert np.array_equal(PcmReader(24_000, content_type).push(SAMPLES.tobytes()), FLOATS)
