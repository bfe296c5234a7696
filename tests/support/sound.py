"""Audio that the scripted voice detector can tell apart."""

from __future__ import annotations

import base64
import io
from typing import Any

import av
import numpy as np
import soundfile

from antiphon.audio.formats import codec_of
from antiphon.testing.sound import silence, speech
from antiphon.wire.audio_config import PcmFormat

__all__ = ["as_base64", "as_file", "as_recording", "noise", "silence", "speech"]


def noise(duration_ms: float, rms: float) -> bytes:
    """White noise of a root mean square, as 24 kHz PCM."""
    codec = codec_of(PcmFormat())
    random = np.random.default_rng(1)
    samples = random.standard_normal(round(duration_ms * codec.rate_hz / 1000)) * rms
    return codec.encode(samples.astype(np.float32))


def as_base64(audio: bytes) -> str:
    """Audio as it stands in an event."""
    return base64.b64encode(audio).decode()


def as_file(audio: bytes, container: str = "WAV", subtype: str | None = None) -> bytes:
    """24 kHz PCM as a file, of a kind by libsndfile's names."""
    file = io.BytesIO()
    samples = codec_of(PcmFormat()).decode(audio)
    soundfile.write(file, samples, PcmFormat().rate, format=container, subtype=subtype)
    return file.getvalue()


def as_recording(
    audio: bytes, container: str = "webm", codec: str = "libopus", *, layout: str = "mono"
) -> bytes:
    """24 kHz PCM as browsers and telephones record it, by FFmpeg's names; both channels alike."""
    file = io.BytesIO()
    samples = np.frombuffer(audio, np.int16)
    if layout == "stereo":
        samples = np.repeat(samples, 2)
    with av.open(file, "w", format=container) as writer:
        track: Any = writer.add_stream(codec, rate=PcmFormat().rate, layout=layout)
        whole = av.AudioFrame.from_ndarray(samples[np.newaxis], format="s16", layout=layout)
        whole.sample_rate = PcmFormat().rate
        cut = av.AudioResampler(
            track.format.name, layout, track.rate, frame_size=track.codec_context.frame_size
        )
        for piece in cut.resample(whole) + cut.resample(None):
            writer.mux(track.encode(piece))
        writer.mux(track.encode(None))
    return file.getvalue()
