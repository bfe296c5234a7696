"""The wire's sample formats: 16-bit PCM and both laws of G.711, to and from float32.

Inside Antiphon audio is mono float32 in -1.0 … 1.0; on the wire it is one of three formats. A
:class:`Codec` is one such format. G.711 is computed by table look-up: 256 entries to decode and
65 536 to encode, built from the recommendation's formulae when this module is imported.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from antiphon.errors import RequestError
from antiphon.wire.session import AudioFormat, PcmaFormat, PcmFormat, PcmuFormat

__all__ = ["Codec", "Floats", "Int16s", "codec_of", "to_floats", "to_int16s"]

Floats = NDArray[np.float32]
"""Mono samples in -1.0 … 1.0, shape (n,) unless said otherwise."""

Int16s = NDArray[np.int16]
"""Mono samples in -32768 … 32767, shape (n,)."""

_FULL_SCALE = 32_768.0
_LOWEST, _HIGHEST = np.float32(-32_768), np.float32(32_767)
_G711_RATE_HZ = 8_000  # ITU-T G.711, clause 2
_EVERY_CODE = np.arange(256, dtype=np.int32)
# Every 16-bit sample, in the order of its bits read as an unsigned number: 0 … 32767, then
# -32768 … -1. A table in this order is indexed by a plain view of the samples.
_EVERY_SAMPLE = np.arange(65_536, dtype=np.uint16).view(np.int16).astype(np.int32)


@dataclass(frozen=True, slots=True)
class Codec:
    """One format of the wire.

    Attributes:
        rate_hz: Its sample rate.
        bytes_per_sample: Bytes that one sample takes.
        decode: Bytes to float32 samples. Raises ``RequestError`` if a sample is cut in half.
        encode: Float32 samples to bytes; what lies outside -1.0 … 1.0 is clipped.
    """

    rate_hz: int
    bytes_per_sample: int
    decode: Callable[[bytes], Floats]
    encode: Callable[[Floats], bytes]


def codec_of(audio_format: AudioFormat) -> Codec:
    """The codec of a session's ``audio.input.format`` or ``audio.output.format``."""
    match audio_format:
        case PcmFormat():
            return Codec(audio_format.rate, 2, _decode_pcm16, _encode_pcm16)
        case PcmuFormat():
            return _MU_LAW
        case PcmaFormat():
            return _A_LAW


def to_floats(samples: Int16s) -> Floats:
    """Scale 16-bit samples to -1.0 … 1.0; exact, so :func:`to_int16s` gives the same back."""
    return samples.astype(np.float32) / np.float32(_FULL_SCALE)


def to_int16s(samples: Floats) -> Int16s:
    """Round float32 samples to 16 bits; what lies outside -1.0 … 1.0 is clipped."""
    scaled = samples * np.float32(_FULL_SCALE)
    np.rint(scaled, out=scaled)
    scaled.clip(_LOWEST, _HIGHEST, out=scaled)
    return scaled.astype(np.int16)


# --- 16-bit PCM, little-endian ----------------------------------------------------------------


def _decode_pcm16(audio: bytes) -> Floats:
    if len(audio) % 2:
        message = (
            f"Invalid 'audio': got {len(audio)} bytes of 16-bit PCM, which is not a whole number "
            "of 2-byte samples. Send an even number of bytes."
        )
        raise RequestError(message, code="invalid_value", param="audio")
    return to_floats(np.frombuffer(audio, dtype="<i2").astype(np.int16, copy=False))


def _encode_pcm16(samples: Floats) -> bytes:
    return to_int16s(samples).astype("<i2", copy=False).tobytes()


# --- G.711 ------------------------------------------------------------------------------------
#
# Both laws cut the range into eight segments (chords), each twice as wide as the one below and
# divided into sixteen steps. A code is: sign bit, three bits of segment, four bits of step.


def _mu_law_decoded() -> Int16s:
    """ITU-T G.711, table 2: 14-bit values, here scaled to 16 bits. Codes are sent inverted."""
    code = ~_EVERY_CODE
    segment = (code >> 4) & 0x07
    magnitude = ((((code & 0x0F) << 1) + 33) << segment) - 33
    return np.where(code & 0x80, -magnitude << 2, magnitude << 2).astype(np.int16)


def _mu_law_encoded() -> NDArray[np.uint8]:
    """ITU-T G.711, table 2: the segment is the position of the highest bit after adding 33."""
    sample = _EVERY_SAMPLE >> 2  # to 14 bits
    # 8158 + 33 is the last value of the highest segment: louder samples share its last step.
    magnitude: NDArray[np.int32] = np.minimum(np.abs(sample), 8_158) + 33
    segment = _bit_length(magnitude) - 6
    code = (segment << 4) | ((magnitude >> (segment + 1)) & 0x0F)
    return (code ^ np.where(sample < 0, 0x7F, 0xFF)).astype(np.uint8)


def _a_law_decoded() -> Int16s:
    """ITU-T G.711, table 1: 13-bit values, here scaled to 16 bits. Even bits are sent inverted."""
    code = _EVERY_CODE ^ 0x55
    segment = (code >> 4) & 0x07
    step = ((code & 0x0F) << 1) + 1
    # The lowest two segments have steps of the same width.
    magnitude = np.where(segment == 0, step, (step + 32) << np.maximum(segment - 1, 0))
    return np.where(code & 0x80, magnitude << 3, -magnitude << 3).astype(np.int16)


def _a_law_encoded() -> NDArray[np.uint8]:
    """ITU-T G.711, table 1: the segment is the position of the highest bit."""
    sample = _EVERY_SAMPLE >> 3  # to 13 bits
    magnitude = np.where(sample < 0, ~sample, sample)
    segment = np.maximum(_bit_length(magnitude) - 5, 0)
    code = (segment << 4) | ((magnitude >> np.maximum(segment, 1)) & 0x0F)
    return (code ^ np.where(sample < 0, 0x55, 0xD5)).astype(np.uint8)


def _bit_length(numbers: NDArray[np.int32]) -> NDArray[np.int32]:
    exponents: NDArray[np.int32] = np.frexp(numbers)[1]
    return exponents


def _g711(decoded: Int16s, encoded: NDArray[np.uint8]) -> Codec:
    floats_by_code = to_floats(decoded)

    def decode(audio: bytes) -> Floats:
        return floats_by_code[np.frombuffer(audio, dtype=np.uint8)]

    def encode(samples: Floats) -> bytes:
        return encoded[to_int16s(samples).view(np.uint16)].tobytes()

    return Codec(_G711_RATE_HZ, 1, decode, encode)


_MU_LAW = _g711(_mu_law_decoded(), _mu_law_encoded())
_A_LAW = _g711(_a_law_decoded(), _a_law_encoded())
