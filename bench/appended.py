"""Appended audio as it goes over the wire, made beforehand: so that sending it is not measured."""

from __future__ import annotations

import base64
import json

import numpy as np
from websockets.frames import Frame, Opcode

from antiphon.ask import WIRE_RATE_HZ
from antiphon.audio.formats import Floats, to_int16s

__all__ = ["appended", "quiet_room"]

NOISE_AMPLITUDE = 0.002
"""-54 dBFS: a quiet room. Digital silence would be cheaper to judge than any microphone."""


def quiet_room(samples: int) -> Floats:
    """Return what a microphone picks up while nobody speaks: shape (samples,), float32."""
    noise = np.random.default_rng(0).normal(0, NOISE_AMPLITUDE, samples)
    return noise.astype(np.float32)


def appended(audio: Floats, chunk_ms: int) -> list[bytes]:
    """Return masked WebSocket frames that append audio.

    Args:
        audio: Shape (n,), mono float32 at 24 kHz; filled up to whole chunks with silence.
        chunk_ms: How much audio is in each.
    """
    chunk_samples = WIRE_RATE_HZ * chunk_ms // 1000
    padded = np.pad(audio, (0, -len(audio) % chunk_samples))
    return [_frame(chunk.tobytes()) for chunk in to_int16s(padded).reshape(-1, chunk_samples)]


def _frame(pcm: bytes) -> bytes:
    event = {"type": "input_audio_buffer.append", "audio": base64.b64encode(pcm).decode()}
    return Frame(Opcode.TEXT, json.dumps(event).encode()).serialize(mask=True)
