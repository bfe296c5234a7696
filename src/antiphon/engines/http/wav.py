"""What was heard, as a file that servers take."""

from __future__ import annotations

import io
import wave

from antiphon.audio.formats import to_int16s
from antiphon.engines.base import Floats
from antiphon.engines.hearing import LISTENING_RATE_HZ

__all__ = ["wav_of"]


def wav_of(audio: Floats) -> bytes:
    """Return a WAV file of 16-bit mono samples.

    Args:
        audio: Shape (n,), float32 at 16 kHz.
    """
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(LISTENING_RATE_HZ)
        writer.writeframes(to_int16s(audio).astype("<i2", copy=False).data)
    return file.getvalue()
