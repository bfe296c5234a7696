from __future__ import annotations

import io
import wave

import av
import numpy as np
import pytest
import soundfile

from antiphon.audio.encoders import ENCODINGS
from antiphon.audio.formats import codec_of
from antiphon.wire.audio_config import PcmFormat
from tests.support.sound import speech

CODEC = codec_of(PcmFormat())
SECONDS = 5
SOUND = CODEC.decode(speech(SECONDS * 1000))


def encoded(name: str, chunk_samples: int = 2_400) -> list[bytes]:
    """Return a file in the pieces in which it can be sent."""
    encoder = ENCODINGS[name].open(CODEC)
    starts = range(0, len(SOUND), chunk_samples)
    return [*(encoder.push(SOUND[at : at + chunk_samples]) for at in starts), encoder.finish()]


@pytest.mark.parametrize("name", ["mp3", "opus", "flac", "wav"])
@pytest.mark.parametrize("chunk_samples", [100, 2_400, 200_000])
def test_the_file_sounds_as_what_was_spoken(name, chunk_samples):
    content = b"".join(encoded(name, chunk_samples))
    samples, rate_hz = soundfile.read(io.BytesIO(content))
    assert rate_hz == CODEC.rate_hz
    assert len(samples) == pytest.approx(len(SOUND), abs=0.1 * rate_hz)
    assert np.sqrt(np.mean(samples**2)) == pytest.approx(np.sqrt(np.mean(SOUND**2)), rel=0.1)


@pytest.mark.parametrize("chunk_samples", [100, 2_400, 200_000])
def test_aac_sounds_as_what_was_spoken(chunk_samples):
    content = b"".join(encoded("aac", chunk_samples))
    with av.open(io.BytesIO(content), "r", format="aac") as file:
        samples = np.concatenate([frame.to_ndarray()[0] for frame in file.decode(audio=0)])
        assert file.streams.audio[0].rate == CODEC.rate_hz
    assert len(samples) == pytest.approx(len(SOUND), abs=0.1 * CODEC.rate_hz)
    assert np.sqrt(np.mean(samples**2)) == pytest.approx(np.sqrt(np.mean(SOUND**2)), rel=0.1)


@pytest.mark.parametrize(
    ("name", "within_s"), [("pcm", 0.1), ("wav", 0.1), ("mp3", 0.1), ("aac", 0.2)]
)
def test_the_file_begins_while_it_is_spoken(name, within_s):
    pieces = encoded(name)
    assert any(pieces[: round(within_s * 10)])


def test_opus_comes_by_the_second():
    sizes = np.array([len(piece) for piece in encoded("opus")])
    assert np.diff(np.flatnonzero(sizes)).max() <= 11


def test_flac_comes_as_a_whole_with_its_length_in_front():
    pieces = encoded("flac")
    assert not any(pieces[:-1])
    assert soundfile.info(io.BytesIO(pieces[-1])).frames == len(SOUND)


def test_pcm_is_what_sessions_send():
    assert b"".join(encoded("pcm")) == speech(SECONDS * 1000)


def test_wav_of_unknown_length_is_read_to_its_end_by_others():
    with wave.open(io.BytesIO(b"".join(encoded("wav")))) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (24_000, 1, 2)
        assert file.readframes(1 << 24) == speech(SECONDS * 1000)
