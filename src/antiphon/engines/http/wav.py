"""What was heard, as a file that servers take."""

from __future__ import annotations

import io
import wave

import numpy as np

from antiphon.engines.base import Floats
from antiphon.engines.hearing import LISTENING_RATE_HZ

__all__ = ["wav_of"]


def wav_of(audio: Floats) -> bytes:
    """Return a WAV file of 16-bit mono samples.

    Args:
        audio: Shape (n,), float32 at 16 kHz.
    """
    scaled = audio * np.float32(32_768)
    np.rint(scaled, out=scaled)
    scaled.clip(-32_768, 32_767, out=scaled)
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(LISTENING_RATE_HZ)
        writer.writeframes(scaled.astype("<i2").data)
    return file.getvalue()
