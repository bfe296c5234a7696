"""Audio that the scripted voice detector can tell apart."""

from __future__ import annotations

import numpy as np

from antiphon.audio.formats import codec_of
from antiphon.wire.audio_config import AudioFormat, PcmFormat

__all__ = ["silence", "speech"]

_LOUD = 0.3
_TONE_HZ = 200.0


def speech(duration_ms: float, audio_format: AudioFormat | None = None) -> bytes:
    """Sound that counts as speech, in a format of the wire; 24 kHz PCM if none is given."""
    codec = codec_of(audio_format or PcmFormat())
    at_s = np.arange(round(duration_ms * codec.rate_hz / 1000)) / codec.rate_hz
    return codec.encode((_LOUD * np.sin(2 * np.pi * _TONE_HZ * at_s)).astype(np.float32))


def silence(duration_ms: float, audio_format: AudioFormat | None = None) -> bytes:
    """Sound that does not, in a format of the wire; 24 kHz PCM if none is given."""
    codec = codec_of(audio_format or PcmFormat())
    return codec.encode(np.zeros(round(duration_ms * codec.rate_hz / 1000), np.float32))
