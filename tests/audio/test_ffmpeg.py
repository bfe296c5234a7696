"""Recordings that are not what they should be, which strangers may upload."""

from __future__ import annotations

import contextlib
import io
import random
import sys

import av
import numpy as np
import psutil
import pytest

from antiphon.audio import ffmpeg_decoder
from antiphon.audio.ffmpeg import FfmpegError, FfmpegFile
from tests.support.sound import as_recording, speech

AUDIO = speech(1000)
WEBM = as_recording(AUDIO)
MP4 = as_recording(AUDIO, "mp4", "aac")


def opened(content: bytes, container: str) -> FfmpegFile:
    return FfmpegFile(io.BytesIO(content), container)


def read(content: bytes, container: str) -> np.ndarray:
    """Return all of a file, shape (n, channels)."""
    file = opened(content, container)
    try:
        blocks = [file.read_block(1000)]
        while len(blocks[-1]):
            blocks.append(file.read_block(1000))
        return np.concatenate(blocks)
    finally:
        file.close()


def refusal(content: bytes, container: str) -> str:
    with pytest.raises(FfmpegError) as refused:
        read(content, container)
    return str(refused.value)


def children() -> set[int]:
    return {child.pid for child in psutil.Process().children(recursive=True)}


def film(*, with_sound: bool) -> bytes:
    """A second of a black picture, perhaps with somebody who speaks."""
    file = io.BytesIO()
    with av.open(file, "w", format="webm") as writer:
        pictures = writer.add_stream("libvpx", rate=10, width=64, height=64)
        sound = writer.add_stream("libopus", rate=48_000, layout="mono") if with_sound else None
        for number in range(10):
            picture = av.VideoFrame(64, 64, "yuv420p")
            picture.pts = number
            writer.mux(pictures.encode(picture))
        writer.mux(pictures.encode(None))
        if sound is not None:
            silent = np.zeros((1, 960), np.float32)
            for number in range(50):
                frame = av.AudioFrame.from_ndarray(silent, format="flt", layout="mono")
                frame.sample_rate, frame.pts = 48_000, number * 960
                writer.mux(sound.encode(frame))
            writer.mux(sound.encode(None))
    return file.getvalue()


def test_all_samples_of_a_recording_come_in_blocks():
    file = opened(WEBM, "matroska")
    assert (file.samplerate, file.channels) == (48_000, 1)  # as Opus always is
    assert file.read_block(1000).shape == (1000, 1)
    file.close()
    assert len(read(WEBM, "matroska")) == pytest.approx(48_000, abs=1000)


def test_of_a_film_the_sound_is_read():
    assert len(read(film(with_sound=True), "matroska")) == pytest.approx(48_000, abs=1000)


def test_a_film_without_sound_is_refused():
    assert refusal(film(with_sound=False), "matroska") == "there is no sound in it"


def test_sound_of_a_kind_that_nobody_sends_is_refused():
    content = as_recording(AUDIO, "matroska", "pcm_s16le")
    assert refusal(content, "matroska") == "its sound is of a kind that is not read"


def test_a_recording_without_an_end_is_read_as_far_as_it_is_there():
    """A browser that is closed while it records leaves one."""
    half = WEBM[: len(WEBM) // 2]
    assert 10_000 < len(read(half, "matroska")) < 40_000


@pytest.mark.parametrize(
    ("content", "container"),
    [(WEBM[:40], "matroska"), (MP4[: len(MP4) // 2], "mov"), (WEBM, "mov"), (b"", "matroska")],
)
def test_what_makes_no_sense_is_refused(content, container):
    assert refusal(content, container) == "it could not be decoded"


def claiming(samples: int) -> bytes:
    """An MP4 that says it has so many samples of a byte. FFmpeg keeps 24 bytes for each."""
    boxes = bytearray(MP4)
    sizes, chunks = boxes.index(b"stsz") + 8, boxes.index(b"stsc") + 12
    count, one = samples.to_bytes(4, "big"), (1).to_bytes(4, "big")
    boxes[sizes : sizes + 8] = one + count
    boxes[chunks : chunks + 12] = one + count + one
    return bytes(boxes)


def test_a_recording_that_claims_to_be_huge_gets_no_memory_for_it():
    assert refusal(claiming(2_000_000), "mov") == "it could not be decoded"  # but was looked at
    assert refusal(claiming(50_000_000), "mov") == "there is no sound in it"  # it would be 1.2 GB


@pytest.mark.parametrize(
    ("ends", "reason"),
    [
        ("sys.exit(2)", "more than 384 MiB of memory"),
        ("os.kill(os.getpid(), signal.SIGXCPU)", "more than 60 s of processor time"),
        ("os.kill(os.getpid(), signal.SIGSEGV)", "it could not be decoded"),
    ],
)
@pytest.mark.parametrize(
    "begins", ["", """print('{"rate_hz": 8000, "channels": 1}', flush=True)"""]
)
def test_the_reason_is_told_why_decoding_ended(ends, reason, begins, tmp_path, monkeypatch):
    program = tmp_path / "ends.py"
    program.write_text(f"import os, signal, sys\n{begins}\n{ends}\n")
    monkeypatch.setattr(ffmpeg_decoder, "__file__", str(program))
    assert reason in refusal(WEBM, "matroska")


@pytest.mark.parametrize("seed", range(20))
def test_damage_is_told_or_heard_and_nothing_worse(seed):
    chance = random.Random(seed)
    content, container = chance.choice([(WEBM, "matroska"), (MP4, "mov")])
    damaged = bytearray(content)
    for _ in range(chance.choice([1, 10, 100])):
        damaged[chance.randrange(len(damaged))] = chance.randrange(256)
    before = children()
    with contextlib.suppress(FfmpegError):
        read(bytes(damaged), container)
    assert children() == before


@pytest.mark.skipif(sys.platform != "linux", reason="limits of others are told on Linux only")
def test_who_decodes_can_open_nothing():
    before = children()
    file = opened(as_recording(speech(20_000)), "matroska")
    (decoder,) = children() - before
    assert psutil.Process(decoder).rlimit(psutil.RLIMIT_NOFILE) == (0, 0)
    assert len(file.read_block(1000)) == 1000
    file.close()


def test_who_has_heard_enough_leaves_no_process():
    before = children()
    file = opened(as_recording(speech(20_000)), "matroska")
    file.read_block(1000)
    (decoder,) = children() - before
    file.close()
    assert not psutil.pid_exists(decoder)
