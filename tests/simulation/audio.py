"""Audio that clients send, in pieces of every size."""

from functools import cache

from antiphon.wire.audio_config import AudioFormat, PcmaFormat, PcmFormat, PcmuFormat
from tests.support.sound import as_base64, silence, speech

__all__ = ["HALF_A_SAMPLE_MORE", "Loudness", "chunk", "is_loud"]

HALF_A_SAMPLE_MORE = "AAAA"
"""Three bytes."""

Loudness = bool

_FORMATS: dict[str, AudioFormat] = {
    "audio/pcm": PcmFormat(),
    "audio/pcmu": PcmuFormat(),
    "audio/pcma": PcmaFormat(),
}


@cache
def chunk(duration_ms: float, audio_format: str, *, loud: Loudness) -> str:
    """Return speech or silence as it stands in an event."""
    make = speech if loud else silence
    return as_base64(make(duration_ms, _FORMATS[audio_format]))


def is_loud(audio: bytes) -> Loudness:
    """Tell speech from silence, which is one sample over and over."""
    middle = len(audio) // 2
    return len(set(audio[middle : middle + 16])) > 1
