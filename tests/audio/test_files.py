from __future__ import annotations

import io
import tempfile
import warnings
from contextlib import closing
from typing import BinaryIO, cast

import numpy as np
import pytest
import soundfile

from antiphon.audio import ffmpeg, files
from antiphon.audio.encoders import ENCODINGS
from antiphon.audio.files import MAX_CHANNELS, AudioReader
from antiphon.audio.formats import codec_of, to_int16s
from antiphon.errors import RequestError
from antiphon.wire.audio_config import PcmFormat
from tests.support.sound import as_file, as_recording, noise, silence, speech

RATE_HZ = 16_000
AUDIO = speech(1500) + silence(500)


def read(content: bytes, block_s: float = 0.3) -> np.ndarray:
    """Return all of a file, read in blocks."""
    blocks = []
    with closing(AudioReader(io.BytesIO(content), RATE_HZ)) as reader:
        while len(block := reader.read(block_s)):
            blocks.append(block)
        assert not len(reader.read(block_s)), "a file ends once"
    return np.concatenate(blocks) if blocks else np.zeros(0, np.float32)


def refusal(content: bytes) -> RequestError:
    with pytest.raises(RequestError) as refused:
        read(content)
    assert refused.value.param == "file"
    return refused.value


@pytest.mark.parametrize(
    ("container", "subtype"),
    [
        ("WAV", "PCM_16"),
        ("WAV", "FLOAT"),
        ("WAV", "ULAW"),
        ("WAVEX", "PCM_24"),
        ("FLAC", "PCM_16"),
        ("MP3", "MPEG_LAYER_III"),
        ("OGG", "OPUS"),
        ("OGG", "VORBIS"),
    ],
)
def test_a_file_sounds_as_it_did(container, subtype):
    heard = read(as_file(AUDIO, container, subtype))
    assert len(heard) == pytest.approx(2 * RATE_HZ, abs=RATE_HZ * 0.06)
    loud, quiet = heard[: RATE_HZ * 14 // 10], heard[RATE_HZ * 16 // 10 :]
    assert np.sqrt(np.mean(loud**2)) == pytest.approx(0.3 / np.sqrt(2), rel=0.1)
    assert np.sqrt(np.mean(quiet**2)) < 0.01


@pytest.mark.parametrize("layout", ["mono", "stereo"])
@pytest.mark.parametrize(
    ("container", "codec"),
    [
        ("webm", "libopus"),  # Chromium, Firefox
        ("matroska", "libopus"),
        ("mp4", "aac"),  # Safari
        ("mp4", "libopus"),
        ("mp4", "libmp3lame"),
        ("ipod", "aac"),  # M4A
        ("ipod", "alac"),
        ("adts", "aac"),
    ],
)
def test_a_recording_sounds_as_it_did(container, codec, layout):
    heard = read(as_recording(AUDIO, container, codec, layout=layout))
    assert len(heard) == pytest.approx(2 * RATE_HZ, abs=RATE_HZ * 0.15)
    loud, quiet = heard[RATE_HZ // 2 : RATE_HZ * 14 // 10], heard[RATE_HZ * 17 // 10 :]
    assert np.sqrt(np.mean(loud**2)) == pytest.approx(0.3 / np.sqrt(2), rel=0.1)
    assert np.sqrt(np.mean(quiet**2)) < 0.01


@pytest.mark.parametrize("encoding", ["mp3", "opus", "flac", "wav"])
def test_what_the_server_writes_it_reads(encoding):
    encoder = ENCODINGS[encoding].open(codec_of(PcmFormat()))
    samples = codec_of(PcmFormat()).decode(AUDIO)
    content = encoder.push(samples) + encoder.finish()
    assert len(read(content)) == pytest.approx(2 * RATE_HZ, abs=RATE_HZ * 0.1)


@pytest.mark.parametrize("block_s", [0.001, 0.1, 10.0])
def test_the_size_of_blocks_does_not_matter(block_s):
    content = as_file(AUDIO, "FLAC")
    assert np.allclose(read(content, block_s), read(content), atol=1e-4)


def test_the_length_is_told_as_far_as_it_was_read():
    reader = AudioReader(io.BytesIO(as_file(AUDIO)), RATE_HZ)
    assert reader.read_s == 0
    reader.read(0.5)
    assert reader.read_s == 0.5
    while len(reader.read(0.5)):
        pass
    assert reader.read_s == 2


def test_channels_are_averaged():
    file = io.BytesIO()
    left = np.full(8000, 0.5, np.float32)
    soundfile.write(file, np.stack([left, -left], axis=1), 8000, format="WAV")
    assert np.abs(read(file.getvalue())).max() < 0.001


def test_any_sample_rate_will_do():
    file = io.BytesIO()
    soundfile.write(file, np.zeros(44_101, np.float32), 44_101, format="WAV")
    assert len(read(file.getvalue())) == pytest.approx(RATE_HZ, abs=2)


def test_samples_that_are_no_numbers_are_silent():
    file = io.BytesIO()
    soundfile.write(file, np.full(8000, np.nan, np.float32), 16_000, "FLOAT", format="WAV")
    assert not read(file.getvalue()).any()


@pytest.mark.parametrize("sample", [np.inf, -np.inf, 3e38, 1e10])
def test_samples_beyond_the_scale_are_as_loud_as_can_be(sample):
    file = io.BytesIO()
    samples = np.full((8000, 2), sample, np.float32)
    soundfile.write(file, samples, RATE_HZ, "FLOAT", format="WAV")
    with warnings.catch_warnings(action="error"):
        heard = read(file.getvalue())
        assert np.array_equal(np.sign(heard[1000:7000]), np.full(6000, np.sign(sample)))
        to_int16s(heard)
    assert np.abs(heard[1000:7000]).max() == pytest.approx(1, abs=0.01)


def test_a_file_on_the_disk_is_read_from_its_beginning():
    with tempfile.SpooledTemporaryFile(max_size=100) as file:
        file.write(as_file(AUDIO))
        reader = AudioReader(cast("BinaryIO", file), RATE_HZ)
        assert len(reader.read(1)) > RATE_HZ // 2
        reader.close()


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (b"\x1a\x45\xdf\xa3" + bytes(100), "WebM"),
        (b"\x00\x00\x00\x20ftypM4A " + bytes(100), "M4A"),
        (b"\xff\xf1\x50\x80" + bytes(100), "AAC"),
    ],
)
def test_what_would_take_more_than_is_installed_is_named_with_what_does_not(
    content, name, monkeypatch
):
    monkeypatch.setattr(ffmpeg, "is_installed", lambda: False)
    error = refusal(content)
    assert error.code == "not_implemented"
    assert name in error.message
    assert "antiphon[recordings]" in error.message
    assert "FLAC" in error.message


@pytest.mark.parametrize(
    "content", [b"", b"not audio", as_file(AUDIO)[:20], as_file(AUDIO, "AIFF")]
)
def test_what_is_no_such_file_is_refused(content):
    error = refusal(content)
    assert error.code == "invalid_value"
    assert "WAV, FLAC, MP3" in error.message


@pytest.mark.parametrize("lacks", [0.0001, 0.5])
@pytest.mark.parametrize(
    ("container", "codec"),
    [
        ("WAV", None),
        ("FLAC", None),
        ("MP3", None),
        ("OGG", None),
        ("webm", "libopus"),
        ("adts", "aac"),
    ],
)
def test_a_file_that_breaks_off_is_read_as_far_as_it_goes(container, codec, lacks):
    sound = noise(10_000, 0.1)
    whole = as_recording(sound, container, codec) if codec else as_file(sound, container)
    heard = read(whole[: int(len(whole) * (1 - lacks))], block_s=8.0)
    assert len(heard) == pytest.approx(10 * RATE_HZ * (1 - lacks), abs=RATE_HZ)


@pytest.mark.parametrize(
    "whole", [as_file(noise(10_000, 0.1), "FLAC"), as_recording(noise(10_000, 0.1), "adts", "aac")]
)
def test_a_file_that_is_damaged_within_is_refused(whole):
    middle = len(whole) // 2
    assert refusal(whole[:middle] + whole[middle + 5 :]).code == "invalid_value"


def test_a_file_that_breaks_off_before_any_sound_is_refused():
    assert refusal(as_file(noise(1000, 0.1), "FLAC")[:500]).code == "invalid_value"
    assert refusal(as_recording(noise(1000, 0.1), "adts", "aac")[:100]).code == "invalid_value"


def test_a_file_may_be_only_so_long(monkeypatch):
    monkeypatch.setattr(files, "MAX_FILE_S", 1)
    assert "longer than 1 s" in refusal(as_file(AUDIO)).message


def test_a_file_may_have_only_so_many_channels():
    file = io.BytesIO()
    soundfile.write(file, np.zeros((10, MAX_CHANNELS + 1), np.float32), 8000, format="WAV")
    assert "9 channels" in refusal(file.getvalue()).message


@pytest.mark.parametrize("rate_hz", [1_000, 500_000])
def test_sample_rates_have_bounds(rate_hz):
    file = io.BytesIO()
    soundfile.write(file, np.zeros(10, np.float32), rate_hz, format="WAV")
    assert f"{rate_hz} samples a second" in refusal(file.getvalue()).message
